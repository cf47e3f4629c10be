package main

import (
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/istio/pkg/ptr"
)

// Labels and annotations that Istio's injector reads or writes.
const (
	injectLabel       = "sidecar.istio.io/inject"
	templatesKey      = "inject.istio.io/templates"
	tlsModeLabel      = "security.istio.io/tlsMode"
	canonicalName     = "service.istio.io/canonical-name"
	canonicalRevision = "service.istio.io/canonical-revision"
)

// An addressPlan holds the first two octets of the addresses that are made up.
type addressPlan struct {
	pods, services string
}

// address is the n-th address of a /16 network, counted so that the last octet is never 0 or 255.
func address(net string, n int) string {
	return fmt.Sprintf("%s.%d.%d", net, n/250, n%250+1)
}

// A workload is a Deployment or StatefulSet with its running pods.
type workload struct {
	namespace, name string
	pods            []*corev1.Pod
	// The pods have a sidecar.
	injected bool
	// The pods are gateway proxies.
	gateway bool
}

// proxied says whether the workload's pods have a proxy that Istio configures.
func (w *workload) proxied() bool {
	return len(w.pods) > 0 && (w.injected || w.gateway)
}

// startPods makes the pods that a Deployment controller and the sidecar injector would make: one
// per replica, ready, with addresses in the order of namespace, workload and replica.
func (d *declared) startPods(templates []template, injectedNamespaces map[string]bool, plan addressPlan) {
	sort.SliceStable(templates, func(i, j int) bool {
		a, b := templates[i], templates[j]
		return a.namespace+"/"+a.name < b.namespace+"/"+b.name
	})
	count := 0
	for _, t := range templates {
		w := &workload{
			namespace: t.namespace, name: t.name,
			injected: injectedNamespaces[t.namespace],
			gateway:  t.pod.Annotations[templatesKey] == "gateway",
		}
		switch t.pod.Labels[injectLabel] {
		case "true":
			w.injected = true
		case "false":
			w.injected = false
		}
		for replica := range t.replicas {
			count++
			pod := newPod(t, replica, address(plan.pods, count))
			if w.injected {
				markInjected(pod, t.name)
			}
			w.pods = append(w.pods, pod)
			d.objects = append(d.objects, pod)
		}
		d.workloads = append(d.workloads, w)
	}
}

func newPod(t template, replica int32, ip string) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", t.name, replica), Namespace: t.namespace,
			// Istio names a pod's workload after its controller.
			GenerateName: t.name + "-",
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: t.kind, Name: t.name, Controller: ptr.Of(true),
			}},
			Labels: copyOf(t.pod.Labels), Annotations: copyOf(t.pod.Annotations),
		},
		Spec: *t.pod.Spec.DeepCopy(),
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			PodIP:      ip,
			PodIPs:     []corev1.PodIP{{IP: ip}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
	if pod.Spec.ServiceAccountName == "" {
		pod.Spec.ServiceAccountName = "default"
	}
	return pod
}

// markInjected adds the labels that Istio's injector adds.
func markInjected(pod *corev1.Pod, workloadName string) {
	first := func(fallback string, keys ...string) string {
		for _, key := range keys {
			if value := pod.Labels[key]; value != "" {
				return value
			}
		}
		return fallback
	}
	name := first(workloadName, "app.kubernetes.io/name", "app")
	revision := first("latest", "app.kubernetes.io/version", "version")
	pod.Labels[tlsModeLabel] = "istio"
	pod.Labels[canonicalName] = name
	pod.Labels[canonicalRevision] = revision
}

func copyOf(from map[string]string) map[string]string {
	to := make(map[string]string, len(from))
	for key, value := range from {
		to[key] = value
	}
	return to
}
