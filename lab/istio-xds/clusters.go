package main

import (
	"math"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// What Istio sets when nothing is configured; such values are left out of the answer.
const (
	usualConnectTimeout = 10_000 // milliseconds
	unlimited           = math.MaxUint32
)

const (
	httpOptions    = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	plainSocket    = "envoy.transport_sockets.raw_buffer"
	socketMatch    = "envoy.transport_socket_match"
	workloadSecret = "default"
	envoyDefault   = "envoy-default"
)

// describeCluster says how calls through one outbound cluster are balanced, limited and secured.
func describeCluster(c *clusterv3.Cluster, endpoints map[string]*endpointv3.ClusterLoadAssignment) object {
	o := object{}
	describePool(o, c)
	if rule := istioConfig(c.Metadata, "destination-rule"); rule != "" {
		o["dr"] = rule
	}
	if kind := c.GetType(); kind != clusterv3.Cluster_EDS {
		o["type"] = kind.String()
	}
	if c.OutlierDetection != nil {
		o["outlier"] = describeOutlier(c.OutlierDetection)
	}
	describeBalancing(o, c)
	describeUpstreamTLS(o, c)
	describeEndpoints(o, c, endpoints)
	return o
}

// describePool writes the connection pool's limits; inbound clusters have them too.
func describePool(o object, c *clusterv3.Cluster) {
	if t := c.ConnectTimeout; t != nil && milliseconds(t) != usualConnectTimeout {
		o.setMilliseconds("connect_timeout_ms", t)
	}
	if thresholds := c.GetCircuitBreakers().GetThresholds(); len(thresholds) > 0 {
		describeBreakers(o, thresholds[0])
	} else {
		o["circuit_breakers"] = envoyDefault
	}
	if packed := c.TypedExtensionProtocolOptions[httpOptions]; packed != nil {
		options := &httpv3.HttpProtocolOptions{}
		if packed.UnmarshalTo(options) == nil {
			describeHTTPOptions(o, options)
		}
	}
	if keepalive := c.GetUpstreamConnectionOptions().GetTcpKeepalive(); keepalive != nil {
		k := object{}
		k.setNumber("probes", keepalive.KeepaliveProbes)
		k.setNumber("time_s", keepalive.KeepaliveTime)
		k.setNumber("interval_s", keepalive.KeepaliveInterval)
		o["tcp_keepalive"] = k
	}
}

func describeBreakers(o object, t *clusterv3.CircuitBreakers_Thresholds) {
	for key, limit := range map[string]*wrapperspb.UInt32Value{
		"max_connections": t.MaxConnections, "max_pending": t.MaxPendingRequests,
		"max_requests": t.MaxRequests, "max_retries": t.MaxRetries,
	} {
		if limit == nil {
			o[key] = envoyDefault
		} else {
			o.setUnless(key, limit, unlimited)
		}
	}
	if budget := t.RetryBudget; budget != nil {
		o["retry_budget"] = object{
			"pct": budget.GetBudgetPercent().GetValue(), "min": budget.GetMinRetryConcurrency().GetValue(),
		}
	}
}

func describeHTTPOptions(o object, options *httpv3.HttpProtocolOptions) {
	if common := options.CommonHttpProtocolOptions; common != nil {
		o.setNumber("max_requests_per_connection", common.MaxRequestsPerConnection)
		o.setMilliseconds("idle_timeout_ms", common.IdleTimeout)
		o.setMilliseconds("max_connection_duration_ms", common.MaxConnectionDuration)
	}
	var http2 *corev3.Http2ProtocolOptions
	switch upstream := options.UpstreamProtocolOptions.(type) {
	case *httpv3.HttpProtocolOptions_ExplicitHttpConfig_:
		if http2 = upstream.ExplicitHttpConfig.GetHttp2ProtocolOptions(); http2 != nil {
			o["h2"] = "always"
		}
	case *httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig:
		o["h2"] = "as_downstream"
		http2 = upstream.UseDownstreamProtocolConfig.GetHttp2ProtocolOptions()
	case *httpv3.HttpProtocolOptions_AutoConfig:
		o["h2"] = "alpn"
		http2 = upstream.AutoConfig.GetHttp2ProtocolOptions()
	}
	o.setNumber("max_concurrent_streams", http2.GetMaxConcurrentStreams())
}

func describeOutlier(d *clusterv3.OutlierDetection) object {
	o := object{}
	o.setNumber("consecutive_5xx", d.Consecutive_5Xx)
	o.setUnless("enforcing_consecutive_5xx", d.EnforcingConsecutive_5Xx, 100)
	o.setNumber("consecutive_gateway_failure", d.ConsecutiveGatewayFailure)
	o.setUnless("enforcing_consecutive_gateway_failure", d.EnforcingConsecutiveGatewayFailure, 100)
	o.setNumber("consecutive_local_origin_failure", d.ConsecutiveLocalOriginFailure)
	o.setUnless("enforcing_local_origin_failure", d.EnforcingConsecutiveLocalOriginFailure, 100)
	o.setUnless("enforcing_success_rate", d.EnforcingSuccessRate, 0)
	o.setMilliseconds("interval_ms", d.Interval)
	o.setMilliseconds("base_ejection_ms", d.BaseEjectionTime)
	o.setNumber("max_ejection_pct", d.MaxEjectionPercent)
	if d.SplitExternalLocalOriginErrors {
		o["split_local_origin"] = true
	}
	return o
}

func describeBalancing(o object, c *clusterv3.Cluster) {
	if common := c.CommonLbConfig; common != nil {
		if p := common.HealthyPanicThreshold; p != nil && p.Value != 0 {
			o["panic_pct"] = p.Value
		}
		switch {
		case common.GetLocalityWeightedLbConfig() != nil:
			o["locality"] = "weighted"
		case common.GetZoneAwareLbConfig() != nil:
			o["locality"] = "zone_aware"
		}
	}
	if c.LbPolicy != clusterv3.Cluster_LEAST_REQUEST && c.GetType() != clusterv3.Cluster_ORIGINAL_DST {
		o["lb"] = c.LbPolicy.String()
	}
	if size := c.GetRingHashLbConfig().GetMinimumRingSize(); size != nil {
		o["ring_min"] = size.Value
	}
	if size := c.GetMaglevLbConfig().GetTableSize(); size != nil {
		o["maglev_table"] = size.Value
	}
	start := c.GetLeastRequestLbConfig().GetSlowStartConfig()
	if roundRobin := c.GetRoundRobinLbConfig(); roundRobin != nil {
		start = roundRobin.SlowStartConfig
	}
	if start != nil {
		warmup := object{}
		warmup.setMilliseconds("window_ms", start.SlowStartWindow)
		if start.MinWeightPercent != nil {
			warmup["min_pct"] = start.MinWeightPercent.Value
		}
		if start.Aggression != nil {
			warmup["aggression"] = start.Aggression.DefaultValue
		}
		o["warmup"] = warmup
	}
}

func describeUpstreamTLS(o object, c *clusterv3.Cluster) {
	if len(c.TransportSocketMatches) > 0 {
		o["tls"] = "auto"
		return
	}
	kind, sni := upstreamTLS(c.TransportSocket)
	if kind == "" {
		return
	}
	o["tls"] = kind
	if sni != "" && (kind == "simple" || kind == "mutual") {
		o["sni"] = sni
	}
}

// upstreamTLS names the TLS mode of a transport socket in DestinationRule's terms, "" for plaintext.
func upstreamTLS(socket *corev3.TransportSocket) (kind, sni string) {
	if socket == nil || socket.Name == plainSocket {
		return "", ""
	}
	context := &tlsv3.UpstreamTlsContext{}
	if packed := socket.GetTypedConfig(); packed == nil || packed.UnmarshalTo(context) != nil {
		return socket.Name, ""
	}
	common := context.CommonTlsContext
	if secrets := common.GetTlsCertificateSdsSecretConfigs(); len(secrets) > 0 {
		if secrets[0].Name == workloadSecret {
			return "istio_mutual", context.Sni
		}
		return "mutual", context.Sni
	}
	if len(common.GetTlsCertificates()) > 0 {
		return "mutual", context.Sni
	}
	return "simple", context.Sni
}

// describeEndpoints counts the endpoints, and those among them that are marked for mutual TLS.
func describeEndpoints(o object, c *clusterv3.Cluster, endpoints map[string]*endpointv3.ClusterLoadAssignment) {
	assignment := c.LoadAssignment
	if c.GetType() == clusterv3.Cluster_EDS {
		assignment = endpoints[c.Name]
	}
	all, mutual, priorities := 0, 0, map[uint32]bool{}
	for _, locality := range assignment.GetEndpoints() {
		priorities[locality.Priority] = true
		for _, endpoint := range locality.LbEndpoints {
			all++
			match := endpoint.GetMetadata().GetFilterMetadata()[socketMatch]
			if match.GetFields()["tlsMode"].GetStringValue() == "istio" {
				mutual++
			}
		}
	}
	if c.GetType() != clusterv3.Cluster_ORIGINAL_DST {
		o["ep"] = []int{all, mutual}
	}
	if len(priorities) > 1 {
		o["priorities"] = len(priorities)
	}
}
