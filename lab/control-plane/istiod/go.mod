// istiod as a plain program, at the commit that lab/istio-xds is built from.
module stilltrace/lab/control-plane/istiod

go 1.26.0

require istio.io/istio v0.0.0-20260827124520-eed52ebb66ad

tool istio.io/istio/pilot/cmd/pilot-discovery
