// `<data_dir>/loaded_plugins`: the plugins that a restart brings back, in order. One Erlang term
// per line, so that EMQ X's tools can read it and its files are read here:
//   %% a comment
//   {emqx_sn, true}.
//   {emqx_recon, false}.     kept, not loaded
//   emqx_retainer.           an older form
// Comments, order and lines that make no sense stay as they are. [control]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace keel::kernel {

class LoadedPlugins {
 public:
  // A file that is not there is empty. An error: it cannot be read, or is far too large.
  static Result<LoadedPlugins> read(const std::string& path);
  // From text, for tests and fuzzers; never saved.
  static LoadedPlugins parse(std::string_view text, const std::string& shown);

  std::vector<std::string> names() const;  // to be loaded, in the file's order
  bool contains(std::string_view name) const;
  // `PATH:LINE: what is wrong; remedy`, from reading.
  const std::vector<std::string>& problems() const { return problems_; }

  // Changes the list and writes the file: after a crash it holds the old list or the new one.
  // Nothing is written when nothing changes. On an error the list is as before.
  Result<void> add(const std::string& name);     // at the end, or an entry that was `false`
  Result<void> remove(const std::string& name);  // entries that are `false` stay

  std::string text() const;  // as it stands in the file

 private:
  struct Line {
    std::string text;  // without its end
    std::string name;  // empty: a comment, a blank or a bad line
    bool load = false;
  };
  static Line parse_line(std::string_view text, std::string& problem);
  Result<void> save() const;

  std::string path_;
  std::vector<Line> lines_;
  std::vector<std::string> problems_;
};

}  // namespace keel::kernel
