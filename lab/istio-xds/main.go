// Command istio-xds lets Istio's own control-plane code answer for a folder of manifests, without
// a cluster.
//
//	istio-xds FOLDER...              print what every proxy of each folder is told, a line of JSON each
//	istio-xds -cases FOLDER...       write expected.json into every case folder below each FOLDER
//	istio-xds -cases -check FOLDER   compare with the expected.json there instead
//	istio-xds -analyze FOLDER...     print what istioctl analyze finds in each folder, a line of JSON each
//	istio-xds -serve ADDR FOLDER     serve the folder's configuration over ADS until stopped
//	istio-xds -sds SOCKET            hand out mesh certificates over SDS until stopped
//
// -serve and -sds can be given together: one process is then the control plane of a laboratory mesh.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"istio.io/istio/pkg/log"
)

// An object is one JSON object of the answer. encoding/json sorts its keys, so equal answers are
// equal bytes.
type object map[string]any

// The file of a case folder that holds Istio's answer.
const expectedFile = "expected.json"

type options struct {
	cases, check, pretty bool
	analyze              bool
	telemetry            bool
	serve, sds           string
	trustDomain          string
	certificateLife      time.Duration
	ecdsa                bool
	plan                 addressPlan
}

func main() {
	var o options
	flag.BoolVar(&o.cases, "cases", false, "each argument is a folder of case folders: write expected.json into every case")
	flag.BoolVar(&o.check, "check", false, "with -cases: compare with the expected.json there instead of writing it")
	flag.BoolVar(&o.analyze, "analyze", false, "print what istioctl analyze finds, from the files alone")
	flag.BoolVar(&o.pretty, "pretty", false, "indent the JSON")
	flag.BoolVar(&o.telemetry, "telemetry", false, "say also what proxies record about requests")
	flag.StringVar(&o.serve, "serve", "", "serve ADS for the one folder given on this `address` until stopped")
	flag.StringVar(&o.sds, "sds", "", "serve SDS on this Unix `socket` until stopped")
	flag.StringVar(&o.trustDomain, "trust-domain", "cluster.local", "trust domain of the certificates")
	flag.DurationVar(&o.certificateLife, "certificate-life", 24*time.Hour, "how long a workload certificate is valid")
	flag.BoolVar(&o.ecdsa, "ecdsa", false, "P-256 keys instead of RSA-2048, which is Istio's default")
	flag.StringVar(&o.plan.pods, "pod-net", "10.244", "first two octets of pod addresses")
	flag.StringVar(&o.plan.services, "svc-net", "10.96", "first two octets of cluster addresses of Services")
	flag.Parse()
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "istio-xds:", err)
		os.Exit(1)
	}
}

func run(o options, folders []string) error {
	if o.serve != "" || o.sds != "" {
		return runServers(o, folders)
	}
	if len(folders) == 0 {
		return errors.New("no folder given; see -help")
	}
	if !o.cases {
		for _, folder := range folders {
			answer, err := about(folder, o)
			if err != nil {
				return fmt.Errorf("%s: %w", folder, err)
			}
			text, err := encode(answer, o.pretty)
			if err != nil {
				return err
			}
			if _, err := os.Stdout.Write(text); err != nil {
				return err
			}
		}
		return nil
	}
	failed := 0
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if !entry.IsDir() {
				continue
			}
			if err := oneCase(filepath.Join(folder, entry.Name()), o); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", entry.Name(), err)
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d cases failed", failed)
	}
	return nil
}

// about is what is asked about a folder: the findings in it, or what its proxies are told.
func about(folder string, o options) (any, error) {
	if o.analyze {
		return analyze(folder)
	}
	return answerFor(folder, o)
}

// runServers keeps the servers that were asked for until one of them ends.
func runServers(o options, folders []string) error {
	if o.serve != "" && len(folders) != 1 {
		return errors.New("-serve takes exactly one folder")
	}
	ended := make(chan error)
	if o.sds != "" {
		listening, err := listenSecrets(o)
		if err != nil {
			return err
		}
		go func() { ended <- listening() }()
	}
	if o.serve != "" {
		go func() { ended <- serve(folders[0], o.serve, o.plan) }()
	}
	return <-ended
}

// oneCase writes or checks the answer of one case folder.
func oneCase(folder string, o options) error {
	answer, err := answerFor(folder, o)
	if err != nil {
		return err
	}
	text, err := encode(answer, o.pretty)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, expectedFile)
	if !o.check {
		return os.WriteFile(path, text, 0o644)
	}
	expected, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var have, want any
	if err := errors.Join(json.Unmarshal(text, &have), json.Unmarshal(expected, &want)); err != nil {
		return err
	}
	haveText, _ := encode(have, false)
	wantText, _ := encode(want, false)
	if !bytes.Equal(haveText, wantText) {
		return errors.New("differs from " + expectedFile)
	}
	return nil
}

func encode(value any, pretty bool) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if pretty {
		encoder.SetIndent("", " ")
	}
	err := encoder.Encode(value)
	return text.Bytes(), err
}
