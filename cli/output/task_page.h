#ifndef KEYTURN_CLI_OUTPUT_TASK_PAGE_H_
#define KEYTURN_CLI_OUTPUT_TASK_PAGE_H_

#include <string>
#include <vector>

#include "cli/output/style.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

// A page that an administrator can follow without knowing Keyturn: why, where,
// what to do, what must stand in each field, what people get wrong. Pure.
std::string TaskPage(const v1::Task& task, const Style& style);

// How to answer it from another command line.
std::string TaskAnswerSection(const v1::Task& task, const Style& style);

std::string TaskTable(const std::vector<v1::Task>& tasks, const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_TASK_PAGE_H_
