"""The Common Expression Language as Kubernetes and Kyverno use it: parsed, checked, compiled once.

`environment.Environment.compile` turns a text into a `program.Program`, which is evaluated many times.
Nothing here asks the world: functions that would ask through `program.Run`.

References: https://github.com/google/cel-spec (language definition); behaviour and messages of cel-go 0.30.
"""
