// The exports of EMQ X in JSON. The lines of messages count entries here.
#include <boost/json.hpp>

#include "user_store/import.hpp"
#include "user_store/password.hpp"

namespace user_store {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

// The list itself, or the member of an export that holds it.
const json::array* find_users(const json::value& root, const ImportOptions& options) {
  if (root.is_array()) return &root.get_array();
  if (!root.is_object()) return nullptr;
  const json::object& object = root.get_object();
  const bool by_user = options.name_key == "username";
  for (const char* key : {by_user ? "auth_username" : "auth_clientid",
                          by_user ? "auth_user" : "auth_client", "users", "data"}) {
    const json::value* const found = object.if_contains(key);
    if (found && found->is_array()) return &found->get_array();
  }
  return nullptr;
}

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* const found = object.if_contains(key);
  if (!found || !found->is_string()) return {};
  const json::string& text = found->get_string();
  return {text.data(), text.size()};
}

StoredForm password_of(const json::object& user, const ImportOptions& options) {
  if (const std::string_view hash = text_of(user, "password_hash"); !hash.empty()) {
    return to_stored(options.how, hash, text_of(user, "salt"));
  }
  const std::string_view password = text_of(user, "password");
  if (password.empty()) return {{}, "it has neither a password_hash nor a password"};
  if (auto record = from_emqx_record(password)) return {std::move(*record), {}};
  if (password.starts_with('$')) return to_stored(options.how, password, {});
  return {make_quick(password), {}};
}

}  // namespace

void parse_json_users(std::string_view text, const ImportOptions& options, ImportBuilder& builder) {
  if (text.size() > kMostBytes) return builder.problem(1, "JSON of more than 256 MiB; split it");
  json::monotonic_resource memory;
  json::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error, &memory);
  if (error) return builder.problem(1, "this begins like JSON, but is none: " + error.message());
  const json::array* const users = find_users(root, options);
  if (!users) {
    return builder.problem(1, options.name_key == "username"
                                  ? "no list of users: neither an array nor auth_username in it"
                                  : "no list of clients: neither an array nor auth_clientid in it");
  }
  std::size_t number = 0;
  for (const json::value& user : *users) {
    ++number;
    if (!user.is_object()) {
      builder.problem(number, "the entry is no object");
      continue;
    }
    const json::object& object = user.get_object();
    std::string_view name = text_of(object, options.name_key);
    if (name.empty()) name = text_of(object, "user_id");
    builder.add(number, name, password_of(object, options));
  }
}

}  // namespace user_store
