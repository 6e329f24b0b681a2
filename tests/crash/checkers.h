// What must be so, whatever happened: one checker for each guarantee of
// README.md, each of which looks at the state inside and outside.
#ifndef KEYTURN_TESTS_CRASH_CHECKERS_H_
#define KEYTURN_TESTS_CRASH_CHECKERS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/migration/model.h"
#include "daemon/store/store.h"
#include "daemon/upstream/http/transport.h"
#include "tests/sandbox/json.h"

namespace keyturn::crash {

class Simulation;

// Follows one history and adds to its violations.
class Checkers {
 public:
  explicit Checkers(Simulation& simulation) : simulation_(simulation) {}

  // The outside is as it was before anything happened.
  void NoteBeginning();
  // Somebody else wants a field, or a flow, to be so from now on.
  void NoteEdit(const std::string& field, const std::string& value) {
    connection_[field] = value;
  }
  void NoteSwitch(const std::string& flow, bool disabled) {
    flows_disabled_[flow] = disabled;
  }
  // Somebody else has put the connection on a token: it may stay so.
  void NoteSwitchByHand();
  // Somebody takes away what the new token needs: until the migration has come
  // to its end the connection may be without a login that works.
  void NoteCutOff() { cut_off_ = true; }
  // A request arrives.
  void Sent(const http::Request& request);
  // A write had its effect; see Outside::Hooks::written.
  void Written(const std::string& line, int status, bool changed);
  // Between two things that happen.
  void AtPoint() { NeverStranded(); }
  // The daemon was stopped, and was started again.
  void AtStop();
  void AtStart();
  // Nothing is left to do. Repeats the requests too, so it comes last.
  void AtRest();

 private:
  void NeverStranded();                                 // G1
  void HoldsTheTokenInUse();                            // G1
  void NoTokenIsLost();                                 // G1
  void StoredBeforeSent(const http::Request& request);  // G2
  void AcknowledgedIsThere();                           // G4
  void OneTransaction();                                // G5
  void EventsHaveNoGap();                               // G5
  void TrailIsWhole();                                  // G5
  void NoSecretIsTold();                                // G6
  void NoMaskIsSent(const http::Request& request);      // G7
  void OnlyIntendedFieldsDiffer();                      // G7
  void FlowsAreAsBefore();                              // G8
  void NoRecordIsLost();                                // G8
  void OneMigration();                                  // G9
  void RepeatedRequestsAreHarmless();                   // G10
  void SomebodyMustAct();                               // G11
  void NobodyIsLockedOut();                             // G11
  void GoesBackOnlyAsPlanned();                         // G12

  int64_t LostRecords();
  // Its id may be used for another request by now.
  bool IsForgotten(const struct Asked& asked);
  void Find(std::string_view guarantee, std::string what);
  // What cannot be read is a finding, and no value.
  const migration::Migration* Migration();
  std::vector<store::StoredEvent> Events();
  std::vector<std::string> Secrets();

  Simulation& simulation_;
  sandbox::Json connection_;
  std::map<std::string, bool> flows_disabled_;
  // Found once; it stays so for a while.
  bool stranded_ = false;
  bool cut_off_ = false;
  // The id of a token that somebody else has put in; empty: nobody has.
  std::string token_by_hand_;
  int64_t lost_by_others_ = 0;
  // Of the events that were durable when the daemon was stopped.
  std::vector<store::StoredEvent> seen_;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_CHECKERS_H_
