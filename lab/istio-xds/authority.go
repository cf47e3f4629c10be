package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"sync"
	"time"
)

// How long before now a certificate begins, for clocks that differ.
const clockSkew = time.Minute

// How long the mesh's own certificate is valid.
const rootLife = 365 * 24 * time.Hour

// An authority is the certificate authority of a laboratory mesh. Its keys exist in memory only.
type authority struct {
	trustDomain string
	life        time.Duration
	ecdsa       bool
	root        *x509.Certificate
	rootKey     crypto.Signer
	rootPEM     []byte

	mu     sync.Mutex
	serial int64
	leaves map[string]leaf
}

// A leaf is a workload's certificate chain and key in PEM.
type leaf struct{ chain, key []byte }

func newAuthority(trustDomain string, life time.Duration, useECDSA bool) (*authority, error) {
	a := &authority{trustDomain: trustDomain, life: life, ecdsa: useECDSA, serial: 1, leaves: map[string]leaf{}}
	var err error
	if a.rootKey, err = a.newKey(); err != nil {
		return nil, err
	}
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial),
		Subject:      pkix.Name{Organization: []string{trustDomain}},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, a.rootKey.Public(), a.rootKey)
	if err != nil {
		return nil, err
	}
	a.rootPEM = pemBlock("CERTIFICATE", der)
	a.root, err = x509.ParseCertificate(der)
	return a, err
}

// newKey makes a key of the kind that Istio's agents make.
func (a *authority) newKey() (crypto.Signer, error) {
	if a.ecdsa {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

// certify returns the certificate of a SPIFFE identity, the same one until the process ends.
func (a *authority) certify(identity string) (leaf, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if made, ok := a.leaves[identity]; ok {
		return made, nil
	}
	id, err := url.Parse(identity)
	if err != nil {
		return leaf{}, err
	}
	key, err := a.newKey()
	if err != nil {
		return leaf{}, err
	}
	a.serial++
	now := time.Now()
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial),
		URIs:         []*url.URL{id},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.Add(a.life),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.root, key.Public(), a.rootKey)
	if err != nil {
		return leaf{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return leaf{}, err
	}
	chain := append(pemBlock("CERTIFICATE", der), a.rootPEM...)
	made := leaf{chain, pemBlock("PRIVATE KEY", private)}
	a.leaves[identity] = made
	return made, nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
