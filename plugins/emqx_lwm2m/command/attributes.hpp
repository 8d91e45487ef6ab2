// Attributes of Write-Attributes as Uri-Queries [LwM2M 1.1 core 5.1.2]. Pure functions, any thread.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lwm2m {

bool is_attribute(std::string_view name);  // one that a server may write

// "pmin=60", or "pmin" alone, which takes it back, for "" and "cancel". Numbers never have an
// exponent. None: the value is no number, or none that the attribute can have.
std::optional<std::string> attribute_query(std::string_view name, std::string_view value);
// From JSON: a text or a number. `value` is not null.
std::optional<std::string> attribute_query(std::string_view name, const boost::json::value& value);

}  // namespace lwm2m
