package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
)

// Names that Istio gives to the listeners of redirected traffic, and to what is outside the mesh.
const (
	outboundListener = "virtualOutbound"
	inboundListener  = "virtualInbound"
	passthrough      = "PassthroughCluster"
	blackHole        = "BlackHoleCluster"
	everyOtherPort   = "*"
)

// tcpRoutes are the TCP and TLS chains that say more than "a service to itself", and what happens
// to addresses that nobody declared.
func (t *told) tcpRoutes() (routes []object, policy string) {
	for _, listener := range t.listeners {
		if listener.Name == inboundListener {
			continue
		}
		for _, chain := range chainsOf(listener) {
			for _, filter := range chain.Filters {
				proxy := &tcpv3.TcpProxy{}
				if packed := filter.GetTypedConfig(); packed == nil || packed.UnmarshalTo(proxy) != nil {
					continue
				}
				if listener.Name == outboundListener {
					if found := unknownPolicy(chain.Name, proxy.GetCluster()); found != "" {
						policy = found
					}
					continue
				}
				if o := t.describeChain(listener.Name, chain, proxy); o != nil {
					routes = append(routes, o)
				}
			}
		}
	}
	texts := make(map[int]string, len(routes))
	order := make([]int, len(routes))
	for i, route := range routes {
		text, _ := encode(route, false)
		texts[i], order[i] = string(text), i
	}
	sort.SliceStable(order, func(i, j int) bool { return texts[order[i]] < texts[order[j]] })
	sorted := make([]object, 0, len(routes))
	for _, i := range order {
		sorted = append(sorted, routes[i])
	}
	return sorted, policy
}

func chainsOf(l *listenerv3.Listener) []*listenerv3.FilterChain {
	chains := append([]*listenerv3.FilterChain{}, l.FilterChains...)
	if l.DefaultFilterChain != nil {
		chains = append(chains, l.DefaultFilterChain)
	}
	return chains
}

// unknownPolicy reads a chain of the listener of redirected outbound traffic.
func unknownPolicy(chain, cluster string) string {
	switch {
	case cluster == passthrough:
		return "ALLOW_ANY"
	case cluster != blackHole:
		return ""
	case chain == outboundListener+"-trafficblackhole", chain == outboundListener+"-blackhole":
		return "" // keeps traffic to the listener's own port from looping
	}
	return "REGISTRY_ONLY"
}

// describeChain is nil for a chain that only forwards a service to itself.
func (t *told) describeChain(listener string, chain *listenerv3.FilterChain, proxy *tcpv3.TcpProxy) object {
	if c := proxy.GetCluster(); c == passthrough || c == blackHole {
		return nil
	}
	o := object{"listen": t.listening(listener)}
	match := chain.GetFilterChainMatch()
	if names := match.GetServerNames(); len(names) > 0 {
		o["sni"] = names
	}
	if ranges := match.GetPrefixRanges(); len(ranges) > 0 {
		var destinations []string
		for _, r := range ranges {
			if host := t.mesh.hosts[r.AddressPrefix]; host != "" {
				destinations = append(destinations, host)
			} else {
				destinations = append(destinations, fmt.Sprintf("%s/%d", r.AddressPrefix, r.GetPrefixLen().GetValue()))
			}
		}
		o["dst"] = destinations
	}
	by := istioConfig(chain.Metadata, "virtual-service")
	if by != "" && !strings.HasPrefix(by, "destination-rule:") {
		o["vs"] = by
	}
	toItself := false
	if weighted := proxy.GetWeightedClusters(); weighted != nil {
		var targets []any
		for _, c := range weighted.Clusters {
			targets = append(targets, []any{target(c.Name), c.Weight})
		}
		o["to"] = targets
	} else {
		name := target(proxy.GetCluster())
		o["to"] = []any{[]any{name, 100}}
		toItself = strings.Count(name, "|") == 1
	}
	if proxy.IdleTimeout != nil {
		o["idle_ms"] = milliseconds(proxy.IdleTimeout)
	}
	if toItself && o["vs"] == nil && o["idle_ms"] == nil {
		return nil
	}
	return o
}

// listening turns a listener's name, "address_port", into "host|port".
func (t *told) listening(name string) string {
	address, port := name, ""
	if i := strings.LastIndex(name, "_"); i >= 0 {
		address, port = name[:i], name[i+1:]
	}
	if host := t.mesh.hosts[address]; host != "" {
		address = host
	} else if address == "0.0.0.0" {
		address = "*"
	}
	return address + "|" + port
}

// inbound says for every port of the application how calls are accepted and forwarded to it.
func (t *told) inbound() map[string]object {
	ports := map[string]object{}
	for _, c := range t.clusters {
		if name, ok := parseClusterName(c.Name); ok && name.direction == "inbound" {
			o := object{}
			describePool(o, c)
			ports[name.port] = o
		}
	}
	secured, plain := map[string]bool{}, map[string]bool{}
	for _, listener := range t.listeners {
		if listener.Name != inboundListener {
			continue
		}
		for _, chain := range listener.FilterChains {
			if strings.Contains(chain.Name, "blackhole") {
				continue
			}
			port := everyOtherPort
			if number := chain.GetFilterChainMatch().GetDestinationPort(); number != nil {
				port = strconv.Itoa(int(number.Value))
			}
			if chain.TransportSocket != nil {
				secured[port] = true
			} else {
				plain[port] = true
			}
			if o := ports[port]; o != nil && port != everyOtherPort {
				describeInboundRoutes(o, chain)
			}
		}
	}
	for _, port := range append(sortedKeys(secured), sortedKeys(plain)...) {
		if ports[port] == nil {
			if port != everyOtherPort {
				continue
			}
			ports[port] = object{}
		}
		switch {
		case secured[port] && plain[port]:
			ports[port]["mtls"] = "PERMISSIVE"
		case secured[port]:
			ports[port]["mtls"] = "STRICT"
		default:
			ports[port]["mtls"] = "DISABLE"
		}
	}
	return ports
}

func describeInboundRoutes(o object, chain *listenerv3.FilterChain) {
	for _, filter := range chain.Filters {
		manager := &hcmv3.HttpConnectionManager{}
		if packed := filter.GetTypedConfig(); packed == nil || packed.UnmarshalTo(manager) != nil {
			continue
		}
		for _, host := range manager.GetRouteConfig().GetVirtualHosts() {
			for _, r := range host.Routes {
				if p := r.GetRoute().GetRetryPolicy(); p != nil {
					o["retries"] = object{"n": p.GetNumRetries().GetValue(), "on": p.RetryOn}
				}
				if timeout := milliseconds(r.GetRoute().GetTimeout()); timeout != 0 {
					o["timeout_ms"] = timeout
				}
			}
		}
	}
}
