package main

import (
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/test"
)

const (
	clusterID    = "Kubernetes"
	istioVersion = "1.31.0"
)

// answerFor is what Istio tells every proxy of a folder's mesh, or which objects it refuses.
func answerFor(folder string, o options) (object, error) {
	mesh, err := readFolder(folder, o.plan)
	if err != nil {
		return nil, err
	}
	if len(mesh.refused) > 0 {
		var refused []string
		for _, one := range mesh.refused {
			refused = append(refused, one.String())
		}
		return object{"invalid": refused}, nil
	}
	workloads := object{}
	err = test.Wrap(func(t test.Failer) {
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			KubernetesObjects: mesh.objects, Configs: mesh.configs, MeshConfig: mesh.mesh,
			DefaultClusterName: cluster.ID(clusterID), KubeClientModifier: withGatewayAPI(t),
		})
		server.EnsureSynced(t)
		for _, w := range mesh.workloads {
			if w.proxied() {
				workloads[w.namespace+"/"+w.name] = describe(server, mesh, w, o.telemetry)
			}
		}
	})
	return object{"workloads": workloads}, err
}

// A told proxy is one proxy with everything that Istio sends it.
type told struct {
	mesh      *declared
	workload  *workload
	scope     *model.SidecarScope
	clusters  []*clusterv3.Cluster
	endpoints map[string]*endpointv3.ClusterLoadAssignment
	listeners []*listenerv3.Listener
	routes    []*routev3.RouteConfiguration
	config    *meshconfig.ProxyConfig
}

// describe asks Istio for the configuration of a workload's first pod; all its pods get the same.
func describe(server *xds.FakeDiscoveryServer, mesh *declared, w *workload, telemetry bool) object {
	proxy := proxyOf(w)
	config := proxyConfigOf(server.PushContext(), proxy.Metadata)
	proxy.Metadata.ProxyConfig = (*model.NodeMetaProxyConfig)(config)
	proxy = server.SetupProxy(proxy)
	t := told{
		mesh: mesh, workload: w, scope: proxy.SidecarScope, config: config,
		clusters:  server.Clusters(proxy),
		listeners: server.Listeners(proxy),
		endpoints: map[string]*endpointv3.ClusterLoadAssignment{},
	}
	t.routes = server.RoutesFromListeners(proxy, t.listeners)
	for _, c := range t.clusters {
		if c.GetType() == clusterv3.Cluster_EDS {
			builder := endpoints.NewEndpointBuilder(c.Name, proxy, server.PushContext())
			t.endpoints[c.Name] = builder.BuildClusterLoadAssignment(server.Discovery.Env.EndpointIndex)
		}
	}
	answer := t.answer()
	if telemetry {
		answer["telemetry"] = t.telemetry()
	}
	return answer
}

func proxyOf(w *workload) *model.Proxy {
	pod := w.pods[0]
	kind := model.SidecarProxy
	if w.gateway {
		kind = model.Router
	}
	return &model.Proxy{
		Type: kind, ID: pod.Name + "." + pod.Namespace, ConfigNamespace: pod.Namespace,
		Labels: pod.Labels, IPAddresses: []string{pod.Status.PodIP},
		Metadata: &model.NodeMetadata{
			Namespace: pod.Namespace, Labels: pod.Labels, Annotations: pod.Annotations,
			ClusterID: clusterID, IstioVersion: istioVersion,
			WorkloadName: w.name, ServiceAccount: pod.Spec.ServiceAccountName,
		},
	}
}

func (t *told) answer() object {
	answer := object{}
	if t.workload.gateway {
		answer["gateway"] = true
	}
	if t.scope != nil && t.scope.Sidecar != nil {
		answer["sidecar"] = t.scope.Namespace + "/" + t.scope.Name
	}
	edges, known := t.edges()
	answer["edges"] = edges
	policy := ""
	http, found := t.httpRoutes(known)
	if found != "" {
		policy = found
	}
	if len(http) > 0 {
		answer["http"] = http
	}
	tcp, found := t.tcpRoutes()
	if found != "" {
		policy = found
	}
	if len(tcp) > 0 {
		answer["tcp"] = tcp
	}
	if policy != "" {
		answer["outbound_policy"] = policy
	}
	if !t.workload.gateway {
		answer["inbound"] = t.inbound()
	}
	return answer
}

// edges are the outbound clusters by "host|port", and the set of all of their names.
func (t *told) edges() (edges map[string]object, known map[string]bool) {
	edges, known = map[string]object{}, map[string]bool{}
	protocols := t.protocols()
	for _, c := range t.clusters {
		name, ok := parseClusterName(c.Name)
		if !ok || name.direction != "outbound" {
			continue
		}
		known[name.target()] = true
		edge := edges[name.hostPort()]
		if edge == nil {
			edge = object{}
			edges[name.hostPort()] = edge
		}
		described := describeCluster(c, t.endpoints)
		if name.subset == "" {
			for key, value := range described {
				edge[key] = value
			}
			if p := protocols[name.hostPort()]; p != "" {
				edge["proto"] = p
			}
			continue
		}
		subsets, _ := edge["subsets"].(object)
		if subsets == nil {
			subsets = object{}
			edge["subsets"] = subsets
		}
		subsets[name.subset] = described
	}
	return edges, known
}

// protocols are the port protocols by "host|port", where they are not plain HTTP.
func (t *told) protocols() map[string]string {
	protocols := map[string]string{}
	if t.scope == nil {
		return protocols
	}
	for _, service := range t.scope.Services() {
		for _, port := range service.Ports {
			key := fmt.Sprintf("%s|%d", service.Hostname, port.Port)
			switch port.Protocol {
			case protocol.HTTP:
			case protocol.Unsupported:
				protocols[key] = "auto"
			default:
				protocols[key] = strings.ToLower(string(port.Protocol))
			}
		}
	}
	return protocols
}
