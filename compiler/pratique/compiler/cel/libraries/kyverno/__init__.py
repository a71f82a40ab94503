"""The functions that Kyverno adds to CEL.

From version 1.18 of the libraries on methods have a name in lower camel case beside that in upper case.

References: Kyverno 1.19, github.com/kyverno/sdk `extensions/cel/libs`.
"""
