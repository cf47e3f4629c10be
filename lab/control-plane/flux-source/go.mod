// Wrapper: upstream's ./api replace falls away (the api
module stilltrace/lab/control-plane/flux-source

go 1.26.0

require github.com/fluxcd/source-controller v1.9.6

replace (
	github.com/fluxcd/pkg/artifact => ./artifact-shim
	github.com/opencontainers/go-digest => github.com/opencontainers/go-digest v1.0.1-0.20220411205349-bde1400a84be
)

tool github.com/fluxcd/source-controller
