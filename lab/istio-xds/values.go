package main

import (
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func milliseconds(d *durationpb.Duration) int64 { return d.AsDuration().Milliseconds() }

// setMilliseconds writes a duration that is there.
func (o object) setMilliseconds(key string, d *durationpb.Duration) {
	if d != nil {
		o[key] = milliseconds(d)
	}
}

// setNumber writes a number that is there.
func (o object) setNumber(key string, n *wrapperspb.UInt32Value) {
	if n != nil {
		o[key] = n.Value
	}
}

// setUnless writes a number that is there and is not the usual one.
func (o object) setUnless(key string, n *wrapperspb.UInt32Value, usual uint32) {
	if n != nil && n.Value != usual {
		o[key] = n.Value
	}
}

// percent is a share of requests; a share that is not given is all of them.
func percent(share *typev3.FractionalPercent) float64 {
	if share == nil {
		return 100
	}
	switch share.Denominator {
	case typev3.FractionalPercent_TEN_THOUSAND:
		return float64(share.Numerator) / 100
	case typev3.FractionalPercent_MILLION:
		return float64(share.Numerator) / 10000
	}
	return float64(share.Numerator)
}
