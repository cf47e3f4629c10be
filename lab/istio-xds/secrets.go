package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
)

// Names under which Istio's configuration asks for the mesh's root and a workload's certificate.
const (
	rootSecret    = "ROOTCA"
	secretTypeURL = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// listenSecrets opens the socket that stands where every pod's Istio agent has its own: a socket
// file is visible in every network namespace. The returned function serves.
//
// The workload is taken from the proxy's node, so this is for a laboratory only.
func listenSecrets(o options) (func() error, error) {
	ca, err := newAuthority(o.trustDomain, o.certificateLife, o.ecdsa)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(o.sds); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	socket, err := net.Listen("unix", o.sds)
	if err != nil {
		return nil, err
	}
	// Proxies run under a user of their own.
	if err := os.Chmod(o.sds, 0o666); err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	secretv3.RegisterSecretDiscoveryServiceServer(server, &secretServer{ca: ca})
	return func() error { return server.Serve(socket) }, nil
}

type secretServer struct {
	secretv3.UnimplementedSecretDiscoveryServiceServer
	ca *authority
}

// StreamSecrets answers one proxy. Istio's configuration asks for each secret on a stream of its
// own and names the node in the first request only.
func (s *secretServer) StreamSecrets(stream secretv3.SecretDiscoveryService_StreamSecretsServer) error {
	identity := ""
	var sent []string
	for version := 1; ; version++ {
		request, err := stream.Recv()
		if err != nil {
			return nil // the proxy has gone
		}
		if request.ErrorDetail != nil {
			report(event{Event: "failed", Kind: "Secret", Name: identity, Reason: request.ErrorDetail.Message})
			continue
		}
		if node := request.GetNode(); node != nil {
			identity = s.identity(node)
		}
		if slices.Equal(sent, request.ResourceNames) {
			continue // an acknowledgement
		}
		sent = request.ResourceNames
		response, err := s.respond(identity, sent, strconv.Itoa(version))
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// identity is the SPIFFE id of a proxy's workload, by the node metadata that Istio's agent sets.
func (s *secretServer) identity(node *corev3.Node) string {
	fields := node.GetMetadata().GetFields()
	account := fields["SERVICE_ACCOUNT"].GetStringValue()
	if account == "" {
		account = "default"
	}
	namespace := fields["NAMESPACE"].GetStringValue()
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", s.ca.trustDomain, namespace, account)
}

func (s *secretServer) respond(identity string, names []string, version string) (*discoveryv3.DiscoveryResponse, error) {
	response := &discoveryv3.DiscoveryResponse{TypeUrl: secretTypeURL, VersionInfo: version, Nonce: version}
	for _, name := range names {
		secret, err := s.secret(name, identity)
		if err != nil {
			report(event{Event: "failed", Kind: "Secret", Name: name, Reason: err.Error()})
			continue
		}
		packed, err := anypb.New(secret)
		if err != nil {
			return nil, err
		}
		response.Resources = append(response.Resources, packed)
	}
	return response, nil
}

func (s *secretServer) secret(name, identity string) (*tlsv3.Secret, error) {
	switch name {
	case rootSecret:
		context := &tlsv3.CertificateValidationContext{TrustedCa: inline(s.ca.rootPEM)}
		return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{ValidationContext: context}}, nil
	case workloadSecret:
		made, err := s.ca.certify(identity)
		if err != nil {
			return nil, err
		}
		certificate := &tlsv3.TlsCertificate{CertificateChain: inline(made.chain), PrivateKey: inline(made.key)}
		return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: certificate}}, nil
	}
	return nil, fmt.Errorf("no secret %q", name)
}

func inline(bytes []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: bytes}}
}
