package main

import (
	"fmt"
	"strconv"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// describeMatch is empty for a route that takes every request.
func describeMatch(m *routev3.RouteMatch) object {
	o := object{}
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		if path.Prefix != "/" {
			o["prefix"] = path.Prefix
		}
	case *routev3.RouteMatch_Path:
		o["path"] = path.Path
	case *routev3.RouteMatch_PathSeparatedPrefix:
		o["sep_prefix"] = path.PathSeparatedPrefix
	case *routev3.RouteMatch_SafeRegex:
		o["regex"] = path.SafeRegex.GetRegex()
	default:
		o["other"] = fmt.Sprintf("%T", path)
	}
	if sensitive := m.GetCaseSensitive(); sensitive != nil && !sensitive.Value {
		o["ci"] = true
	}
	if headers := describeAll(m.GetHeaders(), describeHeader); headers != nil {
		o["headers"] = headers
	}
	if parameters := describeAll(m.GetQueryParameters(), describeParameter); parameters != nil {
		o["query"] = parameters
	}
	return o
}

func describeAll[T any](all []T, describe func(T) string) []string {
	var texts []string
	for _, one := range all {
		texts = append(texts, describe(one))
	}
	return texts
}

// describeHeader is "name kind=value", with "not " in front when the match is inverted.
func describeHeader(h *routev3.HeaderMatcher) string {
	text := h.Name + " "
	switch match := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_StringMatch:
		text += describeText(match.StringMatch)
	case *routev3.HeaderMatcher_PresentMatch:
		text += "present=" + strconv.FormatBool(match.PresentMatch)
	default:
		text += fmt.Sprintf("%T", match)
	}
	if h.InvertMatch {
		return "not " + text
	}
	return text
}

func describeParameter(q *routev3.QueryParameterMatcher) string {
	switch match := q.GetQueryParameterMatchSpecifier().(type) {
	case *routev3.QueryParameterMatcher_StringMatch:
		return q.Name + " " + describeText(match.StringMatch)
	case *routev3.QueryParameterMatcher_PresentMatch:
		return q.Name + " present=" + strconv.FormatBool(match.PresentMatch)
	}
	return q.Name + " "
}

// describeText is "kind=value", with "i" in front when case does not matter.
func describeText(m *matcherv3.StringMatcher) string {
	prefix := ""
	if m.GetIgnoreCase() {
		prefix = "i"
	}
	switch pattern := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return prefix + "exact=" + pattern.Exact
	case *matcherv3.StringMatcher_Prefix:
		return prefix + "prefix=" + pattern.Prefix
	case *matcherv3.StringMatcher_Suffix:
		return prefix + "suffix=" + pattern.Suffix
	case *matcherv3.StringMatcher_SafeRegex:
		return prefix + "regex=" + pattern.SafeRegex.GetRegex()
	}
	return fmt.Sprintf("%v", m)
}
