"""The values of CEL and what the language does with them.

| CEL | Python |
| --- | --- |
| null, bool, int, double, string, bytes | None, bool, int, float, str, bytes |
| uint | `numbers.Uint` |
| list | list or tuple |
| map | dict where all keys are strings, else `maps.Map` |
| timestamp, duration | `times.Timestamp`, `times.Duration` |
| type, optional_type | `cel.types.Type`, `optionals.Optional` |

INVARIANT: nobody changes a value. The data of a resource is used as it is, never copied.
Classes are compared with `is`: `bool` and `Uint` are subclasses of `int`, but other types of CEL.
"""
