package main

import (
	"bytes"
	"os"
	"sort"

	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/local"
)

// analyze lists what `istioctl analyze -A --use-kube=false` reports of a folder of manifests: the
// code, the level, the message and the object of each finding.
func analyze(folder string) ([]object, error) {
	analyzer := local.NewIstiodAnalyzer(analyzers.AllCombined(), "", "istio-system", nil)
	if err := analyzer.AddDefaultResources(); err != nil {
		return nil, err
	}
	files, err := yamlFiles(folder)
	if err != nil {
		return nil, err
	}
	var sources []local.ReaderSource
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		sources = append(sources, local.ReaderSource{Name: path, Reader: bytes.NewReader(text)})
	}
	if err := analyzer.AddReaderKubeSource(sources); err != nil {
		return nil, err
	}
	result, err := analyzer.Analyze(make(chan struct{}))
	if err != nil {
		return nil, err
	}
	messages := result.Messages
	sort.SliceStable(messages, func(i, j int) bool {
		return messages[i].Type.Code() < messages[j].Type.Code()
	})
	found := []object{}
	for _, message := range messages {
		one := object{
			"code":    message.Type.Code(),
			"level":   message.Type.Level().String(),
			"message": message.String(),
		}
		if of := message.Resource; of != nil {
			one["object"] = object{
				"kind":      of.Metadata.Schema.Kind(),
				"namespace": of.Metadata.FullName.Namespace.String(),
				"name":      of.Metadata.FullName.Name.String(),
			}
		}
		found = append(found, one)
	}
	return found, nil
}
