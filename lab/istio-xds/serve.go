package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/test"
)

const (
	// How often the folder is looked at.
	pollEvery = 200 * time.Millisecond
	// How long istiod waits for more changes before it pushes (PILOT_DEBOUNCE_AFTER).
	debounce = 100 * time.Millisecond
)

// An event is one line that the server prints: a pod of the mesh, that it serves, what became of a
// change, or that all changes of the folder so far have been read.
type event struct {
	Event          string            `json:"event"` // pod, serving, applied, deleted, refused, failed, read
	Kind           string            `json:"kind,omitempty"`
	Namespace      string            `json:"namespace,omitempty"`
	Name           string            `json:"name,omitempty"`
	Workload       string            `json:"workload,omitempty"`
	Address        string            `json:"address,omitempty"`
	ServiceAccount string            `json:"service_account,omitempty"`
	Proxy          string            `json:"proxy,omitempty"` // sidecar, router or none
	Labels         map[string]string `json:"labels,omitempty"`
	Reason         string            `json:"reason,omitempty"`
}

// report prints an event; a laboratory reads them.
func report(e event) {
	text, err := json.Marshal(e)
	if err != nil {
		text = fmt.Appendf(nil, `{"event":"failed","reason":%q}`, err)
	}
	fmt.Fprintf(os.Stdout, "%s\n", text)
}

// serve keeps an ADS server on an address, fed from a folder that it re-reads when a file changes.
//
// It is as forgiving as an API server: an object that admission refuses keeps its old state, and a
// folder that cannot be read changes nothing. Only the set of pods cannot change.
func serve(folder, at string, plan addressPlan) error {
	mesh, err := readFolder(folder, plan)
	if err != nil {
		return err
	}
	for _, one := range mesh.refused {
		reportRefused(one)
	}
	for _, w := range mesh.workloads {
		w.report()
	}
	return test.Wrap(func(t test.Failer) {
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			KubernetesObjects: mesh.objects, Configs: mesh.configs, MeshConfig: mesh.mesh,
			DefaultClusterName: cluster.ID(clusterID),
			DebounceTime:       debounce,
			ListenerBuilder:    func() (net.Listener, error) { return net.Listen("tcp", at) },
		})
		report(event{Event: "serving", Address: at})
		applied := &state{server: server, mesh: mesh}
		for seen := fingerprint(folder); ; time.Sleep(pollEvery) {
			now := fingerprint(folder)
			if now == seen {
				continue
			}
			seen = now
			next, err := readFolder(folder, plan)
			if err == nil {
				err = samePods(mesh, next)
			}
			if err != nil {
				report(event{Event: "failed", Reason: err.Error()})
			} else {
				applied.change(next)
			}
			report(event{Event: "read"})
		}
	})
}

func (w *workload) report() {
	proxy := "none"
	switch {
	case w.gateway:
		proxy = "router"
	case w.injected:
		proxy = "sidecar"
	}
	for _, pod := range w.pods {
		report(event{
			Event: "pod", Namespace: pod.Namespace, Name: pod.Name, Workload: w.name,
			Address: pod.Status.PodIP, ServiceAccount: pod.Spec.ServiceAccountName,
			Proxy: proxy, Labels: pod.Labels,
		})
	}
}

func reportRefused(one refusal) {
	report(event{
		Event: "refused", Kind: one.kind, Namespace: one.namespace, Name: one.name, Reason: one.reason.Error(),
	})
}

// fingerprint changes when a YAML file of a folder is added, removed, renamed or written.
func fingerprint(folder string) string {
	// A file that goes away while we look is seen at the next look.
	files, _ := yamlFiles(folder)
	var text strings.Builder
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&text, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return text.String()
}

// samePods makes sure that the running pods keep their addresses.
func samePods(old, next *declared) error {
	addresses := func(d *declared) map[string]string {
		all := map[string]string{}
		for _, w := range d.workloads {
			for _, pod := range w.pods {
				all[pod.Namespace+"/"+pod.Name] = pod.Status.PodIP
			}
		}
		return all
	}
	before, after := addresses(old), addresses(next)
	for _, name := range sortedKeys(before) {
		if after[name] != before[name] {
			return fmt.Errorf("pod %s would move or go; the set of pods cannot change while serving", name)
		}
	}
	if len(after) != len(before) {
		return fmt.Errorf("%d pods instead of %d; the set of pods cannot change while serving", len(after), len(before))
	}
	return nil
}
