package main

import (
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// startServices gives every Service a cluster address and endpoint slices, as an API server and
// the endpoint slice controller would.
func (d *declared) startServices(services []*corev1.Service, plan addressPlan) {
	sort.SliceStable(services, func(i, j int) bool {
		a, b := services[i], services[j]
		return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
	})
	for i, service := range services {
		fillDefaults(service)
		if service.Spec.Type != corev1.ServiceTypeExternalName && service.Spec.ClusterIP == "" {
			service.Spec.ClusterIP = address(plan.services, i)
			d.hosts[service.Spec.ClusterIP] = service.Name + "." + service.Namespace + ".svc." + clusterDomain
		}
		d.objects = append(d.objects, service)
		for _, slice := range d.endpointSlices(service) {
			d.objects = append(d.objects, slice)
		}
	}
}

// fillDefaults sets what an API server sets where a Service's port leaves it out.
func fillDefaults(service *corev1.Service) {
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		if port.TargetPort.Type == intstr.Int && port.TargetPort.IntVal == 0 {
			port.TargetPort = intstr.FromInt32(port.Port)
		}
		if port.Protocol == "" {
			port.Protocol = corev1.ProtocolTCP
		}
	}
}

// endpointSlices groups the pods that a Service selects by the ports they resolve to: a named
// target port may be another number in each pod.
func (d *declared) endpointSlices(service *corev1.Service) []*discoveryv1.EndpointSlice {
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	byPorts := map[string]*discoveryv1.EndpointSlice{}
	var slices []*discoveryv1.EndpointSlice
	for _, w := range d.workloads {
		for _, pod := range w.pods {
			if pod.Namespace != service.Namespace || !selector.Matches(labels.Set(pod.Labels)) {
				continue
			}
			ports, key := resolvedPorts(service, pod)
			slice := byPorts[key]
			if slice == nil {
				slice = newSlice(service, len(slices), ports)
				byPorts[key] = slice
				slices = append(slices, slice)
			}
			slice.Endpoints = append(slice.Endpoints, endpointOf(pod))
		}
	}
	return slices
}

func newSlice(service *corev1.Service, number int, ports []discoveryv1.EndpointPort) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", service.Name, number), Namespace: service.Namespace,
			Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       ports,
	}
}

func endpointOf(pod *corev1.Pod) discoveryv1.Endpoint {
	ready := true
	return discoveryv1.Endpoint{
		Addresses:  []string{pod.Status.PodIP},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: pod.Name, Namespace: pod.Namespace},
	}
}

// resolvedPorts are a Service's ports as one pod serves them, and a key that is equal for pods
// that serve the same. A named port that the pod does not have is left out.
func resolvedPorts(service *corev1.Service, pod *corev1.Pod) ([]discoveryv1.EndpointPort, string) {
	var ports []discoveryv1.EndpointPort
	var key strings.Builder
	for _, port := range service.Spec.Ports {
		number := port.TargetPort.IntVal
		if port.TargetPort.Type == intstr.String {
			number = containerPort(pod, port.TargetPort.StrVal)
		}
		if number == 0 {
			continue
		}
		name, protocol := port.Name, port.Protocol
		ports = append(ports, discoveryv1.EndpointPort{Name: &name, Port: &number, Protocol: &protocol})
		fmt.Fprintf(&key, "%s=%d,", name, number)
	}
	return ports, key.String()
}

// containerPort is the number of a named container port, 0 without one.
func containerPort(pod *corev1.Pod, name string) int32 {
	number := int32(0)
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name {
				number = port.ContainerPort
			}
		}
	}
	return number
}
