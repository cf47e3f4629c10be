package main

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
)

// Istio's retry policy when nothing is configured; it is left out of the answer.
const (
	usualRetries = 2
	usualRetryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
)

const (
	faultFilter = "envoy.filters.http.fault"
	corsFilter  = "envoy.filters.http.cors"
)

// httpRoutes are the routes by port and host, and what happens to hosts that nobody declared.
func (t *told) httpRoutes(known map[string]bool) (ports map[string]object, policy string) {
	ports = map[string]object{}
	for _, configuration := range t.routes {
		name := configuration.Name
		if strings.HasPrefix(name, "inbound") {
			continue
		}
		port := name
		if i := strings.LastIndex(name, ":"); i >= 0 && !t.workload.gateway {
			port = name[i+1:] // of a port whose protocol is sniffed: "host:port"
		}
		hosts := ports[port]
		if hosts == nil {
			hosts = object{}
			ports[port] = hosts
		}
		for _, virtualHost := range configuration.VirtualHosts {
			switch virtualHost.Name {
			case "allow_any":
				policy = "ALLOW_ANY"
				continue
			case "block_all":
				policy = "REGISTRY_ONLY"
				continue
			}
			host := strings.Join(fullNames(virtualHost.Domains), ",")
			if host == "*" && port != name {
				host = strings.TrimSuffix(name[:strings.LastIndex(name, ":")], ".")
			}
			routes := describeVirtualHost(virtualHost, known)
			if !t.workload.gateway && isUnconfigured(routes, host, port) {
				continue
			}
			addHost(hosts, host, name, routes)
		}
		if len(hosts) == 0 {
			delete(ports, port)
		}
	}
	return ports, policy
}

// addHost keeps the first of two route configurations for one host, and a second that differs
// under a name of its own.
func addHost(hosts object, host, configuration string, routes []object) {
	before, there := hosts[host]
	if !there {
		hosts[host] = routes
		return
	}
	old, _ := encode(before, false)
	fresh, _ := encode(routes, false)
	if !bytes.Equal(old, fresh) {
		hosts[host+"#"+configuration] = routes
	}
}

func describeVirtualHost(v *routev3.VirtualHost, known map[string]bool) []object {
	routes := []object{}
	for _, r := range v.Routes {
		described := describeRoute(r)
		var missing []string
		for _, key := range []string{"to", "mirror"} {
			targets, _ := described[key].([]any)
			for _, one := range targets {
				if name, ok := one.([]any)[0].(string); ok && !known[name] {
					missing = append(missing, name)
				}
			}
		}
		if missing != nil {
			described["no_cluster"] = missing
		}
		routes = append(routes, described)
	}
	if v.RequireTls != routev3.VirtualHost_NONE {
		routes = append(routes, object{"https_redirect": true})
	}
	return routes
}

// isUnconfigured recognises the route that every service gets: everything to itself, all defaults.
func isUnconfigured(routes []object, host, port string) bool {
	if len(routes) != 1 || len(routes[0]) != 1 {
		return false
	}
	targets, ok := routes[0]["to"].([]any)
	return ok && len(targets) == 1 && targets[0].([]any)[0] == host+"|"+port
}

// fullNames drops ports, addresses and the short forms that Istio adds beside a full name.
func fullNames(domains []string) []string {
	names := map[string]bool{}
	for _, domain := range domains {
		if i := strings.LastIndex(domain, ":"); i > 0 && !strings.Contains(domain[i:], "]") {
			domain = domain[:i]
		}
		domain = strings.TrimSuffix(domain, ".")
		if domain == "" || strings.Trim(domain, "0123456789.") != "" {
			names[domain] = true
		}
	}
	var full []string
	for name := range names {
		short := false
		for other := range names {
			short = short || other != name && strings.HasPrefix(other, name+".")
		}
		if !short {
			full = append(full, name)
		}
	}
	sort.Strings(full)
	return full
}

func describeRoute(r *routev3.Route) object {
	o := object{}
	if match := describeMatch(r.Match); len(match) > 0 {
		o["match"] = match
	}
	if virtualService := istioConfig(r.Metadata, "virtual-service"); virtualService != "" {
		o["vs"] = virtualService
	}
	if r.Name != "" && r.Name != "default" {
		o["name"] = r.Name
	}
	if fault := describeFault(r); fault != nil {
		o["fault"] = fault
	}
	changes := len(r.RequestHeadersToAdd) + len(r.RequestHeadersToRemove) +
		len(r.ResponseHeadersToAdd) + len(r.ResponseHeadersToRemove)
	if changes > 0 {
		o["header_ops"] = changes
	}
	if _, ok := r.TypedPerFilterConfig[corsFilter]; ok {
		o["cors"] = true
	}
	switch action := r.Action.(type) {
	case *routev3.Route_DirectResponse:
		o["direct"] = action.DirectResponse.Status
	case *routev3.Route_Redirect:
		o["redirect"] = describeRedirect(action.Redirect)
	case *routev3.Route_Route:
		describeForwarding(o, action.Route)
	default:
		o["action"] = fmt.Sprintf("%T", action)
	}
	return o
}

func describeFault(r *routev3.Route) object {
	packed := r.TypedPerFilterConfig[faultFilter]
	if packed == nil {
		return nil
	}
	fault := &faultv3.HTTPFault{}
	if err := packed.UnmarshalTo(fault); err != nil {
		return object{"error": err.Error()}
	}
	o := object{}
	if delay := fault.Delay; delay != nil {
		o["delay_ms"] = milliseconds(delay.GetFixedDelay())
		o["delay_pct"] = percent(delay.Percentage)
	}
	if abort := fault.Abort; abort != nil {
		if status := abort.GetHttpStatus(); status != 0 {
			o["abort"] = status
		} else {
			o["abort_grpc"] = abort.GetGrpcStatus()
		}
		o["abort_pct"] = percent(abort.Percentage)
	}
	return o
}

func describeRedirect(r *routev3.RedirectAction) object {
	codes := map[routev3.RedirectAction_RedirectResponseCode]int{
		routev3.RedirectAction_MOVED_PERMANENTLY:  301,
		routev3.RedirectAction_FOUND:              302,
		routev3.RedirectAction_SEE_OTHER:          303,
		routev3.RedirectAction_TEMPORARY_REDIRECT: 307,
		routev3.RedirectAction_PERMANENT_REDIRECT: 308,
	}
	o := object{"code": codes[r.ResponseCode]}
	if r.HostRedirect != "" {
		o["host"] = r.HostRedirect
	}
	if path := r.GetPathRedirect(); path != "" {
		o["path"] = path
	}
	if r.GetHttpsRedirect() {
		o["https"] = true
	}
	return o
}

func describeForwarding(o object, a *routev3.RouteAction) {
	switch specifier := a.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		o["to"] = []any{[]any{target(specifier.Cluster), 100}}
	case *routev3.RouteAction_WeightedClusters:
		var targets []any
		for _, c := range specifier.WeightedClusters.Clusters {
			targets = append(targets, []any{target(c.Name), c.GetWeight().GetValue()})
		}
		o["to"] = targets
	default:
		o["to"] = fmt.Sprintf("%T", specifier)
	}
	switch timeout := milliseconds(a.Timeout); {
	case a.Timeout == nil:
		o["timeout_ms"] = envoyDefault
	case timeout != 0:
		o["timeout_ms"] = timeout
	}
	stream := a.GetMaxStreamDuration().GetMaxStreamDuration()
	if stream != nil && milliseconds(stream) != milliseconds(a.Timeout) {
		o["max_stream_ms"] = milliseconds(stream)
	}
	if retries := describeRetries(a.RetryPolicy, len(a.HashPolicy) > 0); retries != nil {
		o["retries"] = retries
	}
	var mirrors []any
	for _, m := range a.RequestMirrorPolicies {
		mirrors = append(mirrors, []any{target(m.Cluster), percent(m.RuntimeFraction.GetDefaultValue())})
	}
	if mirrors != nil {
		o["mirror"] = mirrors
	}
	if hashes := describeAll(a.HashPolicy, describeHash); hashes != nil {
		o["hash"] = hashes
	}
	if a.PrefixRewrite != "" {
		o["rewrite"] = a.PrefixRewrite
	}
	if rewrite := a.RegexRewrite; rewrite != nil {
		o["rewrite_regex"] = []string{rewrite.GetPattern().GetRegex(), rewrite.Substitution}
	}
	if host := a.GetHostRewriteLiteral(); host != "" {
		o["rewrite_host"] = host
	}
}

// describeRetries is nil for Istio's usual policy and "off" without one. With a hash policy Istio
// drops the preference for another host, so its absence says nothing then.
func describeRetries(p *routev3.RetryPolicy, hashed bool) any {
	if p == nil {
		return "off"
	}
	o := object{"n": p.GetNumRetries().GetValue(), "on": p.RetryOn}
	if len(p.RetriableStatusCodes) > 0 {
		o["codes"] = p.RetriableStatusCodes
	}
	o.setMilliseconds("per_try_ms", p.PerTryTimeout)
	if p.RetryBackOff != nil {
		o.setMilliseconds("backoff_ms", p.RetryBackOff.BaseInterval)
	}
	if len(p.RetryHostPredicate) == 0 && !hashed {
		o["same_host"] = true
	}
	if p.RetryPriority != nil {
		o["remote_localities"] = true
	}
	if len(o) == 2 && p.GetNumRetries().GetValue() == usualRetries && p.RetryOn == usualRetryOn {
		return nil
	}
	return o
}

func describeHash(h *routev3.RouteAction_HashPolicy) string {
	switch policy := h.PolicySpecifier.(type) {
	case *routev3.RouteAction_HashPolicy_Header_:
		return "header=" + policy.Header.HeaderName
	case *routev3.RouteAction_HashPolicy_Cookie_:
		return "cookie=" + policy.Cookie.Name
	case *routev3.RouteAction_HashPolicy_QueryParameter_:
		return "query=" + policy.QueryParameter.Name
	case *routev3.RouteAction_HashPolicy_ConnectionProperties_:
		return "source_ip"
	}
	return fmt.Sprintf("%T", h.PolicySpecifier)
}
