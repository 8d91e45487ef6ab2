// JSON as tokens and key sets are read: one object, no name twice, bounded depth. Values; any
// thread.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace jwt {

// An object, or nothing and in `why` what is wrong ("it is not JSON", ...). The caller bounds the
// size of `text`.
std::optional<boost::json::object> read_object(std::string_view text, std::string& why);

// A member that is a string; null: there is none, or it is of another type.
const boost::json::string* text_member(const boost::json::object& object, std::string_view name);

inline std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

}  // namespace jwt
