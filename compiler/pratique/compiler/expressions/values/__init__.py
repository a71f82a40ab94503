"""The values of the language as Go has them: numbers, JSON text, durations, quantities, versions, times."""
