// A text of JSON as a value of Boost.JSON, but with numbers as exact as a double can be: the
// library's own may be off in their last digits. Pure function, any thread.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

namespace lwm2m {

// None: it is not JSON, or nested deeper than `max_depth`. Of equal keys the last one counts;
// numbers beyond doubles are infinite.
std::optional<boost::json::value> parse_document(std::string_view text, int max_depth,
                                                 const boost::json::storage_ptr& memory);

}  // namespace lwm2m
