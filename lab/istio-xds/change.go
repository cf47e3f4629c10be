package main

import (
	"context"
	"fmt"
	"sort"

	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
)

// A state is what a serving control plane holds.
type state struct {
	server *xds.FakeDiscoveryServer
	mesh   *declared
}

// change applies the difference to the next state, one object after the other.
func (s *state) change(next *declared) {
	for _, one := range next.refused {
		reportRefused(one)
	}
	s.changeMesh(next)
	s.changeObjects(next)
	s.changeConfigs(next)
	s.mesh = next
}

// changeMesh sets the mesh configuration and pushes, as istiod does when its ConfigMap changes.
func (s *state) changeMesh(next *declared) {
	if proto.Equal(s.mesh.mesh, next.mesh) {
		return
	}
	watcher, ok := s.server.Env().Watcher.(meshwatcher.TestWatcher)
	if !ok {
		report(event{Event: "failed", Kind: "MeshConfig", Reason: "this server cannot change it"})
		return
	}
	watcher.Set(next.mesh)
	s.server.Discovery.ConfigUpdate(&model.PushRequest{
		Forced: true, Reason: model.NewReasonStats(model.GlobalUpdate),
	})
	report(event{Event: "applied", Kind: "MeshConfig", Namespace: meshConfigNamespace, Name: meshConfigName})
}

// changeConfigs creates, updates and deletes Istio's own objects. A refused object stays as it was.
func (s *state) changeConfigs(next *declared) {
	old, fresh := byKey(s.mesh.configs), byKey(next.configs)
	refused := map[string]bool{}
	for _, one := range next.refused {
		refused[one.kind+"/"+orDefault(one.namespace)+"/"+one.name] = true
	}
	store := s.server.Store()
	for _, key := range sortedKeys(fresh) {
		one := fresh[key]
		before, known := old[key]
		var err error
		switch {
		case !known:
			_, err = store.Create(one)
		case !sameSpec(before, one):
			one.ResourceVersion = ""
			_, err = store.Update(one)
		default:
			continue
		}
		reportChange("applied", one.GroupVersionKind.Kind, one.Namespace, one.Name, err)
	}
	for _, key := range sortedKeys(old) {
		one := old[key]
		if _, stays := fresh[key]; stays {
			continue
		}
		if refused[key] {
			next.configs = append(next.configs, one)
			continue
		}
		err := store.Delete(one.GroupVersionKind, one.Name, one.Namespace, nil)
		reportChange("deleted", one.GroupVersionKind.Kind, one.Namespace, one.Name, err)
	}
}

func byKey(configs []config.Config) map[string]config.Config {
	all := make(map[string]config.Config, len(configs))
	for _, one := range configs {
		all[one.GroupVersionKind.Kind+"/"+one.Namespace+"/"+one.Name] = one
	}
	return all
}

func sameSpec(a, b config.Config) bool {
	left, leftErr := config.ToJSON(a.Spec)
	right, rightErr := config.ToJSON(b.Spec)
	return leftErr == nil && rightErr == nil && string(left) == string(right) &&
		apiequality.Semantic.DeepEqual(a.Labels, b.Labels) &&
		apiequality.Semantic.DeepEqual(a.Annotations, b.Annotations)
}

// changeObjects creates, updates and deletes namespaces, pods, Services and endpoint slices.
func (s *state) changeObjects(next *declared) {
	old, fresh := objectsByKey(s.mesh.objects), objectsByKey(next.objects)
	for _, key := range sortedKeys(fresh) {
		before, known := old[key]
		if known && apiequality.Semantic.DeepEqual(before, fresh[key]) {
			continue
		}
		s.write(fresh[key], !known)
	}
	for _, key := range sortedKeys(old) {
		if _, stays := fresh[key]; !stays {
			s.remove(old[key])
		}
	}
}

// objectsByKey leaves out Istio's own objects, which lie among the cluster's for the gateway
// controller only: changeConfigs handles them, and they cannot be compared as the others are.
func objectsByKey(objects []runtime.Object) map[string]runtime.Object {
	all := make(map[string]runtime.Object, len(objects))
	for _, one := range objects {
		if _, own := one.(*networkingclient.ServiceEntry); own {
			continue
		}
		if meta, ok := one.(metav1.Object); ok {
			all[fmt.Sprintf("%T/%s/%s", one, meta.GetNamespace(), meta.GetName())] = one
		}
	}
	return all
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// A client writes one kind of object.
type client[T any] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
}

func put[T any](c client[T], one T, create bool) error {
	var err error
	if create {
		_, err = c.Create(context.Background(), one, metav1.CreateOptions{})
	} else {
		_, err = c.Update(context.Background(), one, metav1.UpdateOptions{})
	}
	return err
}

func (s *state) write(one runtime.Object, create bool) {
	kube := s.server.KubeClient().Kube()
	switch o := one.(type) {
	case *corev1.Namespace:
		reportChange("applied", "Namespace", "", o.Name, put(kube.CoreV1().Namespaces(), o, create))
	case *corev1.Pod:
		reportChange("applied", "Pod", o.Namespace, o.Name, put(kube.CoreV1().Pods(o.Namespace), o, create))
	case *corev1.Service:
		reportChange("applied", "Service", o.Namespace, o.Name, put(kube.CoreV1().Services(o.Namespace), o, create))
	case *discoveryv1.EndpointSlice:
		slices := kube.DiscoveryV1().EndpointSlices(o.Namespace)
		reportChange("applied", "EndpointSlice", o.Namespace, o.Name, put(slices, o, create))
	}
}

func (s *state) remove(one runtime.Object) {
	kube, all, now := s.server.KubeClient().Kube(), context.Background(), metav1.DeleteOptions{}
	switch o := one.(type) {
	case *corev1.Namespace:
		reportChange("deleted", "Namespace", "", o.Name, kube.CoreV1().Namespaces().Delete(all, o.Name, now))
	case *corev1.Service:
		err := kube.CoreV1().Services(o.Namespace).Delete(all, o.Name, now)
		reportChange("deleted", "Service", o.Namespace, o.Name, err)
	case *discoveryv1.EndpointSlice:
		err := kube.DiscoveryV1().EndpointSlices(o.Namespace).Delete(all, o.Name, now)
		reportChange("deleted", "EndpointSlice", o.Namespace, o.Name, err)
	}
}

func reportChange(what, kind, namespace, name string, err error) {
	e := event{Event: what, Kind: kind, Namespace: namespace, Name: name}
	if err != nil {
		e.Event, e.Reason = "failed", err.Error()
	}
	report(e)
}
