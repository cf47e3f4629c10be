package main

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"
	gatewayapi "sigs.k8s.io/gateway-api/apis/v1"
	gatewaybeta "sigs.k8s.io/gateway-api/apis/v1beta1"
	gatewayx "sigs.k8s.io/gateway-api/apisx/v1alpha1"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pkg/config/schema/gvr"
	kubelib "istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/ptr"
	"istio.io/istio/pkg/test"
)

const (
	gatewayGroup = "gateway.networking.k8s.io"
	triedGroup   = "gateway.networking.x-k8s.io"
	// The release of the Gateway API that Istio 1.31 is built with.
	gatewayRelease = "v1.6.0"
)

// readGatewayObject takes an object of the Gateway API. The served version is read whatever the
// manifest says: an API server converts between them.
func (r *reader) readGatewayObject(document []byte, kind string) error {
	var one interface {
		runtime.Object
		metav1.Object
	}
	switch kind {
	case "GatewayClass":
		one = &gatewayapi.GatewayClass{}
	case "Gateway":
		one = &gatewayapi.Gateway{}
	case "ListenerSet":
		one = &gatewayapi.ListenerSet{}
	case "HTTPRoute":
		one = &gatewayapi.HTTPRoute{}
	case "GRPCRoute":
		one = &gatewayapi.GRPCRoute{}
	case "TCPRoute":
		one = &gatewayapi.TCPRoute{}
	case "TLSRoute":
		one = &gatewayapi.TLSRoute{}
	case "BackendTLSPolicy":
		one = &gatewayapi.BackendTLSPolicy{}
	case "ReferenceGrant":
		one = &gatewaybeta.ReferenceGrant{}
	case "XBackendTrafficPolicy":
		one = &gatewayx.XBackendTrafficPolicy{}
	default:
		return nil
	}
	if err := yaml.UnmarshalStrict(document, one); err != nil {
		return err
	}
	group, version := gatewayGroup, "v1"
	switch kind {
	case "ReferenceGrant":
		version = "v1beta1"
	case "XBackendTrafficPolicy":
		group, version = triedGroup, "v1alpha1"
	}
	kinds := one.GetObjectKind()
	known := kinds.GroupVersionKind()
	known.Group, known.Version = group, version
	kinds.SetGroupVersionKind(known)
	if kind != "GatewayClass" {
		one.SetNamespace(orDefault(one.GetNamespace()))
	}
	switch typed := one.(type) {
	case *gatewayapi.HTTPRoute:
		fillRoute(typed)
	case *gatewayapi.Gateway:
		fillGateway(typed)
		r.gateways = append(r.gateways, typed)
	case *gatewayapi.GatewayClass:
		r.classes[typed.Name] = string(typed.Spec.ControllerName)
	}
	r.mesh.objects = append(r.mesh.objects, one)
	return nil
}

// fillRoute sets what the schema of an HTTPRoute defaults and Istio relies on.
func fillRoute(route *gatewayapi.HTTPRoute) {
	for i := range route.Spec.Rules {
		rule := &route.Spec.Rules[i]
		if len(rule.Matches) == 0 {
			rule.Matches = []gatewayapi.HTTPRouteMatch{{}}
		}
		for j := range rule.Matches {
			if rule.Matches[j].Path == nil {
				rule.Matches[j].Path = &gatewayapi.HTTPPathMatch{}
			}
		}
		for j := range rule.Filters {
			if redirect := rule.Filters[j].RequestRedirect; redirect != nil && redirect.StatusCode == nil {
				redirect.StatusCode = ptr.Of(302)
			}
		}
	}
}

// fillGateway sets what the schema of a Gateway defaults and Istio relies on.
func fillGateway(gateway *gatewayapi.Gateway) {
	for i := range gateway.Spec.Addresses {
		if gateway.Spec.Addresses[i].Type == nil {
			gateway.Spec.Addresses[i].Type = ptr.Of(gatewayapi.IPAddressType)
		}
	}
	for i := range gateway.Spec.Listeners {
		if tls := gateway.Spec.Listeners[i].TLS; tls != nil && tls.Mode == nil {
			tls.Mode = ptr.Of(gatewayapi.TLSModeTerminate)
		}
	}
}

// deployGateways makes the pods and services that Istio's deployment controller would make for
// gateways without a host name of their own.
func (r *reader) deployGateways() {
	for _, gateway := range r.gateways {
		addresses := gateway.Spec.Addresses
		if len(addresses) > 1 || len(addresses) == 1 && *addresses[0].Type != gatewayapi.IPAddressType {
			continue
		}
		class := string(gateway.Spec.GatewayClassName)
		controller := r.classes[class]
		if controller == "" && class == "istio" {
			controller = "istio.io/gateway-controller"
		}
		if controller != "istio.io/gateway-controller" {
			continue
		}
		name := gateway.Name + "-" + class
		if other := gateway.Annotations["gateway.istio.io/name-override"]; other != "" {
			name = other
		}
		r.deploy(gateway, name)
	}
}

func (r *reader) deploy(gateway *gatewayapi.Gateway, name string) {
	selector := map[string]string{gatewayGroup + "/gateway-name": gateway.Name}
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{ServiceAccountName: name}}
	pod.Labels = map[string]string{
		gatewayGroup + "/gateway-name": gateway.Name, injectLabel: "false", canonicalName: name,
	}
	pod.Annotations = map[string]string{templatesKey: "gateway"}
	r.templates = append(r.templates, template{
		kind: "Deployment", namespace: gateway.Namespace, name: name, replicas: 1, pod: pod,
	})
	tcp := "tcp"
	ports := []corev1.ServicePort{{Name: "status-port", Port: 15021, AppProtocol: &tcp}}
	seen := map[int32]bool{}
	for i, listener := range gateway.Spec.Listeners {
		port := int32(listener.Port)
		if seen[port] {
			continue
		}
		seen[port] = true
		protocol := strings.ToLower(string(listener.Protocol))
		portName := string(listener.Name)
		if portName == "" {
			portName = fmt.Sprintf("%s-%d", protocol, i)
		}
		ports = append(ports, corev1.ServicePort{Name: portName, Port: port, AppProtocol: &protocol})
	}
	r.services = append(r.services, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: gateway.Namespace, Labels: selector,
			// It is made as soon as the gateway is there.
			CreationTimestamp: gateway.CreationTimestamp,
		},
		Spec: corev1.ServiceSpec{Selector: selector, Ports: ports},
	})
}

// withGatewayAPI installs the custom resources of the Gateway API; Istio asks for their release
// before it reads some of them.
func withGatewayAPI(t test.Failer) func(kubelib.Client) {
	return func(client kubelib.Client) {
		metadata := client.Metadata().(*metadatafake.FakeMetadataClient)
		release := func(action clienttesting.Action) (bool, runtime.Object, error) {
			if with, ok := action.(interface{ GetObject() runtime.Object }); ok {
				if crd, ok := with.GetObject().(*metav1.PartialObjectMetadata); ok {
					crd.Annotations = map[string]string{gatewayGroup + "/bundle-version": gatewayRelease}
				}
			}
			return false, nil, nil
		}
		for _, verb := range []string{"create", "update"} {
			metadata.PrependReactor(verb, "customresourcedefinitions", release)
		}
		clienttest.MakeCRD(t, client, gvr.BackendTLSPolicy)
		clienttest.MakeCRD(t, client, gvr.XBackendTrafficPolicy)
		clienttest.MakeCRD(t, client, gvr.ListenerSet)
	}
}
