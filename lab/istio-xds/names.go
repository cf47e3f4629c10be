package main

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// A clusterName is Istio's "direction|port|subset|host".
type clusterName struct {
	direction, port, subset, host string
}

func parseClusterName(name string) (clusterName, bool) {
	parts := strings.Split(name, "|")
	if len(parts) != 4 {
		return clusterName{}, false
	}
	return clusterName{parts[0], parts[1], parts[2], parts[3]}, true
}

func (n clusterName) hostPort() string { return n.host + "|" + n.port }

// target is "host|port" or "host|port|subset".
func (n clusterName) target() string {
	if n.subset == "" {
		return n.hostPort()
	}
	return n.hostPort() + "|" + n.subset
}

// target shortens an Istio cluster name; other names stay as they are.
func target(name string) string {
	if parsed, ok := parseClusterName(name); ok {
		return parsed.target()
	}
	return name
}

// istioConfig reads the "istio.config" metadata that Istio leaves on what it generates, the API
// path of an object: "namespace/name", with "kind:" in front unless it is the wanted kind.
func istioConfig(metadata *corev3.Metadata, wanted string) string {
	path := metadata.GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
	parts := strings.Split(path, "/")
	if len(parts) < 2 {
		return ""
	}
	kind, name, namespace := parts[len(parts)-2], parts[len(parts)-1], ""
	for i, part := range parts[:len(parts)-1] {
		if part == "namespaces" {
			namespace = parts[i+1]
		}
	}
	if kind == wanted {
		return namespace + "/" + name
	}
	return kind + ":" + namespace + "/" + name
}
