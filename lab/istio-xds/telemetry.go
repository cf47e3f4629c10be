package main

import (
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"istio.io/api/annotation"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/mesh"
)

// telemetry says what the proxy records about requests that it sends and that it takes, and its
// worker threads.
func (t *told) telemetry() object {
	o := object{}
	for _, listener := range t.listeners {
		end := "outbound"
		switch listener.Name {
		case inboundListener:
			end = "inbound"
		case outboundListener:
			continue // forwards what nobody declared
		}
		for _, chain := range chainsOf(listener) {
			if manager := managerOf(chain); manager != nil {
				o[end] = recording(manager)
			}
		}
	}
	if threads := t.config.GetConcurrency(); threads != nil {
		o["concurrency"] = threads.Value
	}
	return o
}

func managerOf(chain *listenerv3.FilterChain) *hcmv3.HttpConnectionManager {
	for _, filter := range chain.Filters {
		manager := &hcmv3.HttpConnectionManager{}
		if packed := filter.GetTypedConfig(); packed != nil && packed.UnmarshalTo(manager) == nil {
			return manager
		}
	}
	return nil
}

// recording is what one HTTP connection manager records: access logs by kind, and tracing.
func recording(manager *hcmv3.HttpConnectionManager) object {
	logs := []string{}
	for _, log := range manager.AccessLog {
		kind := strings.TrimPrefix(log.Name, "envoy.access_loggers.")
		if log.Filter != nil {
			kind += " of some"
		}
		logs = append(logs, kind)
	}
	o := object{"logs": logs}
	if tracing := manager.Tracing; tracing != nil {
		o["sampling"] = tracing.RandomSampling.GetValue()
		if tracing.Provider != nil {
			o["tracer"] = tracing.Provider.Name
		}
	}
	return o
}

// proxyConfigOf is the configuration that a pod's agent starts the proxy with: what injection
// computes, and over it once more the pod's annotation.
func proxyConfigOf(push *model.PushContext, meta *model.NodeMetadata) *meshconfig.ProxyConfig {
	injected := push.ProxyConfigs.EffectiveProxyConfig(meta, push.Mesh)
	written, ok := meta.Annotations[annotation.ProxyConfig.Name]
	if injected == nil || !ok {
		return injected
	}
	overridden, err := mesh.MergeProxyConfig(written, injected)
	if err != nil {
		return injected
	}
	return overridden
}
