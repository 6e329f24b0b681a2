#ifndef KEYTURN_CLI_OUTPUT_MARKDOWN_H_
#define KEYTURN_CLI_OUTPUT_MARKDOWN_H_

#include <string>
#include <string_view>

#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

// Markdown that is sent on to people who do not know Keyturn. Whatever a text
// from outside holds, a reader of CommonMark or GitHub's Markdown shows it as
// it is written: it marks nothing up, breaks no table and links nowhere. All
// functions are pure.

// `text` on one line, for running text, a heading, a list or a table.
std::string MarkdownText(std::string_view text);

// A value that is to be taken over to the letter.
std::string MarkdownCode(std::string_view text);

// A link that shows where it leads; the mere text where that is no https
// address.
std::string MarkdownLink(std::string_view address);

// The task as a page that an administrator outside can follow: why, where,
// what to do, what must stand in each field, what people get wrong, until when,
// and how to give back what is asked for. It asks nobody to mail a secret.
std::string TaskMarkdown(const v1::Task& task);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_MARKDOWN_H_
