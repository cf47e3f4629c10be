package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	gatewayapi "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
)

// Where Istio's installation keeps its mesh configuration.
const (
	meshConfigName      = "istio"
	meshConfigNamespace = "istio-system"
	meshConfigKey       = "mesh"
)

const clusterDomain = "cluster.local"

// A declared mesh is what a folder of manifests says, in the terms of Istio's own code.
type declared struct {
	// What an API server with a Deployment controller and a sidecar injector would hold.
	objects []runtime.Object
	// Istio's own objects that pass its admission.
	configs []config.Config
	// Sorted by namespace and name.
	workloads []*workload
	mesh      *meshconfig.MeshConfig
	// Host of the Service that was given this cluster address.
	hosts map[string]string
	// Istio's objects that its admission refuses.
	refused []refusal
}

// A refusal is one object that Istio's admission does not let in, and why.
type refusal struct {
	kind, namespace, name string
	reason                error
}

func (r refusal) String() string {
	return fmt.Sprintf("%s %s/%s: %v", r.kind, r.namespace, r.name, r.reason)
}

// A template is a workload before its pods exist.
type template struct {
	kind, namespace, name string
	replicas              int32
	pod                   corev1.PodTemplateSpec
}

// A reader collects documents; the order of documents does not matter.
type reader struct {
	mesh      *declared
	injected  map[string]bool
	templates []template
	services  []*corev1.Service
	gateways  []*gatewayapi.Gateway
	// Controllers of gateway classes by name.
	classes map[string]string
}

// readFolder reads every YAML file below a folder.
func readFolder(folder string, plan addressPlan) (*declared, error) {
	files, err := yamlFiles(folder)
	if err != nil {
		return nil, err
	}
	r := reader{
		mesh:     &declared{mesh: mesh.DefaultMeshConfig(), hosts: map[string]string{}},
		injected: map[string]bool{},
		classes:  map[string]string{},
	}
	for _, file := range files {
		if err := r.readFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	r.deployGateways()
	r.mesh.startPods(r.templates, r.injected, plan)
	r.mesh.startServices(r.services, plan)
	return r.mesh, nil
}

// yamlFiles lists the YAML files below a folder by name.
func yamlFiles(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if suffix := filepath.Ext(path); !entry.IsDir() && (suffix == ".yaml" || suffix == ".yml") {
			files = append(files, path)
		}
		return nil
	})
	sort.Strings(files)
	return files, err
}

func (r *reader) readFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	documents := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && len(bytes.TrimSpace(document)) > 0 {
			err = r.readDocument(document)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
	}
}

func (r *reader) readDocument(document []byte) error {
	var head struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	switch group, _, _ := strings.Cut(head.APIVersion, "/"); {
	case head.APIVersion == "v1" && head.Kind == "Namespace":
		return r.readNamespace(document)
	case head.APIVersion == "v1" && head.Kind == "Service":
		return r.readService(document)
	case head.APIVersion == "v1" && head.Kind == "ConfigMap":
		return r.readConfigMap(document)
	case head.APIVersion == "discovery.k8s.io/v1" && head.Kind == "EndpointSlice":
		return r.readEndpointSlice(document)
	case head.APIVersion == "apps/v1" && (head.Kind == "Deployment" || head.Kind == "StatefulSet"):
		return r.readTemplate(document)
	case group == gatewayGroup || group == triedGroup:
		return r.readGatewayObject(document, head.Kind)
	case strings.HasSuffix(group, "istio.io"):
		r.readConfig(document, head.Kind, head.Namespace, head.Name)
	}
	return nil
}

func (r *reader) readNamespace(document []byte) error {
	var namespace corev1.Namespace
	if err := yaml.UnmarshalStrict(document, &namespace); err != nil {
		return err
	}
	r.mesh.objects = append(r.mesh.objects, &namespace)
	r.injected[namespace.Name] = namespace.Labels["istio-injection"] == "enabled"
	return nil
}

func (r *reader) readService(document []byte) error {
	var service corev1.Service
	if err := yaml.UnmarshalStrict(document, &service); err != nil {
		return err
	}
	service.Namespace = orDefault(service.Namespace)
	r.services = append(r.services, &service)
	return nil
}

// readEndpointSlice takes the endpoints of a Service without a selector as they are; those of other
// Services follow from the pods.
func (r *reader) readEndpointSlice(document []byte) error {
	var slice discoveryv1.EndpointSlice
	if err := yaml.UnmarshalStrict(document, &slice); err != nil {
		return err
	}
	slice.Namespace = orDefault(slice.Namespace)
	r.mesh.objects = append(r.mesh.objects, &slice)
	return nil
}

func (r *reader) readConfigMap(document []byte) error {
	var configMap corev1.ConfigMap
	if err := yaml.Unmarshal(document, &configMap); err != nil {
		return err
	}
	if configMap.Name != meshConfigName || configMap.Namespace != meshConfigNamespace {
		return nil
	}
	read, err := mesh.ApplyMeshConfigDefaults(configMap.Data[meshConfigKey])
	if err != nil {
		return fmt.Errorf("mesh configuration: %w", err)
	}
	r.mesh.mesh = read
	return nil
}

// readTemplate takes a Deployment or a StatefulSet: what is used of them is common to both.
func (r *reader) readTemplate(document []byte) error {
	var deployment appsv1.Deployment
	if err := yaml.Unmarshal(document, &deployment); err != nil {
		return err
	}
	replicas := int32(1)
	if told := deployment.Spec.Replicas; told != nil {
		replicas = *told
	}
	r.templates = append(r.templates, template{
		deployment.Kind, orDefault(deployment.Namespace), deployment.Name, replicas, deployment.Spec.Template,
	})
	return nil
}

// readConfig takes one of Istio's objects, or remembers why Istio's admission would refuse it.
func (r *reader) readConfig(document []byte, kind, namespace, name string) {
	refuse := func(namespace string, err error) {
		r.mesh.refused = append(r.mesh.refused, refusal{kind, namespace, name, err})
	}
	configs, _, err := crd.ParseInputs(string(document))
	if err != nil {
		refuse(namespace, err)
		return
	}
	for _, one := range configs {
		one.Namespace = orDefault(one.Namespace)
		one.Domain = clusterDomain
		if schema, ok := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(one.GroupVersionKind); ok {
			if _, err := schema.ValidateConfig(one); err != nil {
				refuse(one.Namespace, err)
				continue
			}
		}
		r.mesh.configs = append(r.mesh.configs, one)
		if entry, ok := one.Spec.(*networking.ServiceEntry); ok {
			// The gateway controller looks for the parents of routes among the cluster's objects.
			object := &networkingclient.ServiceEntry{ObjectMeta: metav1.ObjectMeta{
				Name: one.Name, Namespace: one.Namespace, Labels: one.Labels,
			}}
			entry.DeepCopyInto(&object.Spec)
			r.mesh.objects = append(r.mesh.objects, object)
		}
	}
}

// orDefault is the namespace that an API server would put an object into.
func orDefault(namespace string) string {
	if namespace == "" {
		return metav1.NamespaceDefault
	}
	return namespace
}
