"""Converts lengths and temperatures."""

METRES = {"m": 1.0, "km": 1000.0, "ft": 0.3048, "mi": 1609.344}


class Plugin:
    name = "units-python"
    version = "1.0.0"

    def get_tools(self):
        def quantity(units):
            return {
                "type": "object",
                "properties": {
                    "value": {"type": "number"},
                    "from": {"type": "string", "enum": units},
                    "to": {"type": "string", "enum": units},
                },
                "required": ["value", "from", "to"],
                "additionalProperties": False,
            }

        return [
            {
                "name": "convert_length",
                "description": "Converts a length between metres, kilometres, feet and miles.",
                "input_schema": quantity(sorted(METRES)),
            },
            {
                "name": "convert_temperature",
                "description": "Converts a temperature between Celsius, Fahrenheit and Kelvin.",
                "input_schema": quantity(["C", "F", "K"]),
            },
        ]

    def execute(self, tool_name, arguments):
        value, source, target = arguments["value"], arguments["from"], arguments["to"]
        if tool_name == "convert_length":
            converted = value * METRES[source] / METRES[target]
        else:
            kelvin = {"C": value + 273.15, "F": (value - 32) * 5 / 9 + 273.15, "K": value}[source]
            if kelvin < 0:
                raise ValueError("that is below absolute zero")
            converted = {"C": kelvin - 273.15, "F": (kelvin - 273.15) * 9 / 5 + 32, "K": kelvin}[target]
        return f"{converted:g} {target}"
