#include "daemon/engine/engine.h"

namespace keyturn::engine {
namespace {

class LinkedSteps final : public StepRunner {
 public:
  asio::awaitable<steps::Outcome> Run(migration::Step step,
                                      steps::Context& context) override {
    return steps::Run(step, context);
  }
  asio::awaitable<steps::Outcome> Undo(migration::Step step,
                                       steps::Context& context) override {
    return steps::Undo(step, context);
  }
};

}  // namespace

StepRunner& RealSteps() {
  static LinkedSteps steps;
  return steps;
}

}  // namespace keyturn::engine
