// Users out of other programs' files, told apart by how they begin:
//
//   Mosquitto's password file      name:hash
//   CSV with a header line         username,password_hash,salt  or  username,password
//   JSON of EMQ X                  an array of objects, or an object with one
//
// Blocking work, a worker's. A file with a mistake in it gives nothing at all.
#pragma once

#include <keel/result.hpp>
#include <keel/text.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "user_store/entry.hpp"
#include "user_store/foreign_hash.hpp"

namespace user_store {

struct ImportOptions {
  std::string name_key = "username";  // or "clientid": what the name's column is called
  ForeignHash how = {};               // of hashes that do not say themselves
  std::function<void(std::size_t users)> progress = {};  // now and then
};

keel::Result<std::vector<Entry>> read_import(const std::string& path, const ImportOptions& options);
// The same of a text; `path` is for messages.
keel::Result<std::vector<Entry>> parse_import(std::string_view text, const std::string& path,
                                              const ImportOptions& options);

// What the readers of the formats hand their findings to. Part of import.cpp.
class ImportBuilder {
 public:
  ImportBuilder(const std::string& path, const ImportOptions& options)
      : path_(path), options_(options) {}

  // `line`: of the file, or the number of the entry.
  void add(std::size_t line, std::string_view name, StoredForm form);
  void problem(std::size_t line, std::string_view text);
  keel::Result<std::vector<Entry>> finish();

 private:
  void find_duplicates();

  const std::string& path_;
  const ImportOptions& options_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> lines_;  // of the entries
  std::string problems_;
  std::size_t problem_count_ = 0;
};

void parse_json_users(std::string_view text, const ImportOptions& options, ImportBuilder& builder);

}  // namespace user_store
