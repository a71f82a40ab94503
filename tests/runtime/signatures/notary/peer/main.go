// Peer of the tests of Notary Project signatures: the reference library, asked over standard input.
//
// Each line of standard input is a request in JSON, each line of standard output its answer. The library is set
// up as Kyverno 1.19 sets it up: level strict, any identity, one trust store of type "ca".
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	_ "github.com/notaryproject/notation-core-go/signature/cose"
	_ "github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

type attribute struct {
	Key      string `json:"key"`
	Value    any    `json:"value"`
	Critical bool   `json:"critical"`
}

type request struct {
	Operation string `json:"operation"`

	// What to verify, or what signing gave.
	MediaType string             `json:"mediaType"`
	Envelope  []byte             `json:"envelope"`
	Target    ocispec.Descriptor `json:"target"`

	// A layout folder, or a repository of a registry on loopback, and a reference in it.
	Layout     string `json:"layout"`
	Repository string `json:"repository"`
	Reference  string `json:"reference"`

	// PEM of trust stores by type.
	Trust map[string]string `json:"trust"`

	// Who signs, and how.
	Key         string            `json:"key"`
	Chain       string            `json:"chain"`
	Scheme      string            `json:"scheme"`
	SigningTime time.Time         `json:"signingTime"`
	Expiry      time.Time         `json:"expiry"`
	Metadata    map[string]string `json:"metadata"`
	Attributes  []attribute       `json:"attributes"`
}

type answer struct {
	Error    string `json:"error"`
	Envelope []byte `json:"envelope,omitempty"`
}

// store holds certificates by trust store type.
type store map[string][]*x509.Certificate

func (s store) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	certificates, ok := s[string(kind)]
	if !ok {
		return nil, errors.New("invalid truststore type")
	}
	return certificates, nil
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 0, 1<<20), 1<<24)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var asked request
		given := answer{}
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			given.Error = "request: " + err.Error()
		} else if given.Envelope, err = perform(asked); err != nil {
			given.Error = err.Error()
		}
		if err := output.Encode(given); err != nil {
			os.Exit(1)
		}
	}
}

func perform(asked request) ([]byte, error) {
	ctx := context.Background()
	switch asked.Operation {
	case "verify":
		return nil, verifyEnvelope(ctx, asked)
	case "verify-stored":
		return nil, verifyStored(ctx, asked)
	case "sign":
		return signEnvelope(asked)
	case "sign-stored":
		return nil, signStored(ctx, asked)
	}
	return nil, fmt.Errorf("request: unknown operation %q", asked.Operation)
}

func verifyEnvelope(ctx context.Context, asked request) error {
	strict, err := newVerifier(asked)
	if err != nil {
		return err
	}
	_, err = strict.Verify(ctx, asked.Target, asked.Envelope, notation.VerifierVerifyOptions{
		ArtifactReference:  "registry.example/app@" + asked.Target.Digest.String(),
		SignatureMediaType: asked.MediaType,
	})
	return err
}

func verifyStored(ctx context.Context, asked request) error {
	strict, err := newVerifier(asked)
	if err != nil {
		return err
	}
	repository, err := open(asked)
	if err != nil {
		return err
	}
	_, _, err = notation.Verify(ctx, strict, repository, notation.VerifyOptions{
		ArtifactReference:    asked.Reference,
		MaxSignatureAttempts: 10,
	})
	return err
}

func newVerifier(asked request) (notation.Verifier, error) {
	certificates := store{}
	var names []string
	for kind, text := range asked.Trust {
		read, err := readCertificates(text)
		if err != nil {
			return nil, err
		}
		certificates[kind] = read
		names = append(names, kind+":kyverno")
	}
	policy := &trustpolicy.Document{
		Version: "1.0",
		TrustPolicies: []trustpolicy.TrustPolicy{{
			Name:                  "kyverno",
			RegistryScopes:        []string{"*"},
			SignatureVerification: trustpolicy.SignatureVerification{VerificationLevel: trustpolicy.LevelStrict.Name},
			TrustStores:           names,
			TrustedIdentities:     []string{"*"},
		}},
	}
	return verifier.New(policy, certificates, nil)
}

func signEnvelope(asked request) ([]byte, error) {
	key, chain, err := readSigner(asked)
	if err != nil {
		return nil, err
	}
	local, err := signature.NewLocalSigner(chain, key)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(map[string]ocispec.Descriptor{"targetArtifact": asked.Target})
	if err != nil {
		return nil, err
	}
	envelope, err := signature.NewEnvelope(asked.MediaType)
	if err != nil {
		return nil, err
	}
	var attributes []signature.Attribute
	for _, a := range asked.Attributes {
		attributes = append(attributes, signature.Attribute{Key: a.Key, Value: a.Value, Critical: a.Critical})
	}
	return envelope.Sign(&signature.SignRequest{
		Payload: signature.Payload{
			ContentType: "application/vnd.cncf.notary.payload.v1+json",
			Content:     payload,
		},
		Signer:                   local,
		SigningTime:              asked.SigningTime,
		Expiry:                   asked.Expiry,
		SigningScheme:            signature.SigningScheme(asked.Scheme),
		SigningAgent:             "peer/1",
		ExtendedSignedAttributes: attributes,
	})
}

func signStored(ctx context.Context, asked request) error {
	key, chain, err := readSigner(asked)
	if err != nil {
		return err
	}
	repository, err := open(asked)
	if err != nil {
		return err
	}
	generic, err := signer.New(key, chain)
	if err != nil {
		return err
	}
	_, err = notation.Sign(ctx, generic, repository, notation.SignOptions{
		SignerSignOptions: notation.SignerSignOptions{SignatureMediaType: asked.MediaType, SigningAgent: "peer/1"},
		ArtifactReference: asked.Reference,
		UserMetadata:      asked.Metadata,
	})
	return err
}

func open(asked request) (registry.Repository, error) {
	if asked.Layout != "" {
		return registry.NewOCIRepository(asked.Layout, registry.RepositoryOptions{})
	}
	repository, err := remote.NewRepository(asked.Repository)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = true
	return registry.NewRepository(repository), nil
}

func readSigner(asked request) (crypto.PrivateKey, []*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(asked.Key))
	if block == nil {
		return nil, nil, errors.New("request: no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	chain, err := readCertificates(asked.Chain)
	return key, chain, err
}

func readCertificates(text string) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certificates, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
}
