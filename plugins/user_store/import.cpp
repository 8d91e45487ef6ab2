#include "user_store/import.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "user_store/password.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr std::size_t kMostProblems = 20;
constexpr std::size_t kProgressEvery = 100'000;

// One line of CSV; `fine`: the quotes are in order.
std::vector<std::string> csv_fields(std::string_view line, bool& fine) {
  std::vector<std::string> out(1);
  bool quoted = false;
  fine = true;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && line.substr(i + 1).starts_with('"')) {
      out.back() += '"';
      ++i;
    } else if (c == '"') {
      fine = fine && (quoted || out.back().empty());
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  fine = fine && !quoted;
  return out;
}

// Which column is what.
struct CsvColumns {
  static constexpr std::size_t kNone = SIZE_MAX;
  std::size_t name = kNone, hash = kNone, salt = kNone, password = kNone, count = 0;

  // Whether the line is a header. `unknown`: a column that means nothing here.
  bool read(std::string_view line, const ImportOptions& options, std::string& unknown) {
    bool fine = true;
    const auto titles = csv_fields(line, fine);
    count = titles.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view title = trim(titles[i]);
      if (title == options.name_key || title == "user_id") {
        name = i;
      } else if (title == "password_hash") {
        hash = i;
      } else if (title == "salt") {
        salt = i;
      } else if (title == "password") {
        password = i;
      } else if (title != "is_superuser") {
        unknown = title;
      }
    }
    return fine && count > 1 && name != kNone && (hash != kNone) != (password != kNone);
  }
};

// Calls fn(line, its number) for lines that are not empty.
template <class F>
void each_line(std::string_view text, F&& fn) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t cut = text.find('\n');
    std::string_view line = text.substr(0, cut);
    text.remove_prefix(cut == std::string_view::npos ? text.size() : cut + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) fn(line, number);
  }
}

void parse_csv(std::string_view text, const CsvColumns& columns, const ImportOptions& options,
               ImportBuilder& builder) {
  bool header = true;
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (std::exchange(header, false)) return;
    bool fine = true;
    const auto fields = csv_fields(line, fine);
    if (!fine || fields.size() != columns.count) {
      return builder.problem(
          number, fine ? "it has more or fewer fields than the header" : "the quotes do not match");
    }
    if (columns.password != CsvColumns::kNone) {
      const std::string& password = fields[columns.password];
      return builder.add(number, fields[columns.name],
                         password.empty() ? StoredForm{{}, "the password is empty"}
                                          : StoredForm{make_quick(password), {}});
    }
    const std::string_view salt =
        columns.salt == CsvColumns::kNone ? std::string_view() : fields[columns.salt];
    builder.add(number, fields[columns.name], to_stored(options.how, fields[columns.hash], salt));
  });
}

void parse_password_file(std::string_view text, ImportBuilder& builder) {
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.starts_with('#')) return;
    const std::size_t cut = line.find(':');
    if (cut == std::string_view::npos) {
      return builder.problem(number,
                             "not of the form name:hash; a CSV file needs a header line "
                             "with the columns username (or clientid) and password_hash "
                             "(or password)");
    }
    const std::string_view hash = line.substr(cut + 1);
    if (!hash.starts_with('$')) {
      return builder.problem(number, "the password is not hashed; let mosquitto_passwd -U do that");
    }
    builder.add(number, line.substr(0, cut), to_stored({}, hash, {}));
  });
}

std::string error_text(std::string_view what, const std::string& path) {
  return keel::concat("cannot ", what, ' ', path, ": ", std::strerror(errno));
}

}  // namespace

void ImportBuilder::add(std::size_t line, std::string_view name, StoredForm form) {
  if (const std::string wrong = name_problem(name); !wrong.empty()) return problem(line, wrong);
  if (form.hash.empty()) return problem(line, form.problem);
  entries_.push_back({std::string(name), std::move(form.hash)});
  lines_.push_back(line);
  if (options_.progress && entries_.size() % kProgressEvery == 0) {
    options_.progress(entries_.size());
  }
}

void ImportBuilder::problem(std::size_t line, std::string_view text) {
  if (++problem_count_ <= kMostProblems) {
    problems_ += keel::concat(path_, ':', line, ": ", text, '\n');
  }
}

void ImportBuilder::find_duplicates() {
  std::unordered_set<std::string_view> seen;
  seen.reserve(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!seen.insert(entries_[i].name).second) problem(lines_[i], "the name stands there twice");
  }
}

keel::Result<std::vector<Entry>> ImportBuilder::finish() {
  find_duplicates();
  if (problem_count_ == 0) return std::move(entries_);
  if (problem_count_ > kMostProblems) {
    problems_ += keel::concat("and ", problem_count_ - kMostProblems, " more\n");
  }
  return keel::Status::error(problems_ + "nothing was imported");
}

keel::Result<std::vector<Entry>> parse_import(std::string_view text, const std::string& path,
                                              const ImportOptions& options) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  ImportBuilder builder(path, options);
  const std::string_view begin = trim(text.substr(0, 4096));
  if (begin.starts_with('[') || begin.starts_with('{')) {
    parse_json_users(text, options, builder);
    return builder.finish();
  }
  CsvColumns columns;
  std::string unknown;
  const std::string_view first = begin.substr(0, begin.find_first_of("\r\n"));
  if (!columns.read(first, options, unknown)) {
    parse_password_file(text, builder);
  } else if (!unknown.empty()) {
    builder.problem(1, keel::concat("nobody knows what the column ", unknown, " means"));
  } else {
    parse_csv(text, columns, options, builder);
  }
  return builder.finish();
}

keel::Result<std::vector<Entry>> read_import(const std::string& path,
                                             const ImportOptions& options) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    const std::string text = error_text("open", path);
    if (fd >= 0) ::close(fd);
    return keel::Status::error(text, KEEL_E_IO);
  }
  std::string text, problem;
  if (!S_ISREG(status.st_mode)) problem = path + " is no file";
  if (static_cast<std::size_t>(status.st_size) > kMostBytes) {
    problem = path + " is larger than 1 GiB; split it";
  }
  if (problem.empty()) text.resize(static_cast<std::size_t>(status.st_size));
  for (std::size_t used = 0; problem.empty() && used < text.size();) {
    const ssize_t n = ::read(fd, text.data() + used, text.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) problem = error_text("read", path);
    if (n <= 0) text.resize(used);
    used += static_cast<std::size_t>(n > 0 ? n : 0);
  }
  ::close(fd);
  if (!problem.empty()) return keel::Status::error(problem, KEEL_E_IO);
  return parse_import(text, path, options);
}

}  // namespace user_store
