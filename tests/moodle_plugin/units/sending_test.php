<?php
// What is told of a change, in which order, how an answer is understood: without Moodle.

use local_schooltool\local\answer;
use local_schooltool\local\notes;
use local_schooltool\local\rules;

function note(int $id, string $kind, int $object, int $related = 0, ?array $kept = null, int $time = 1000) {
    return (object) ['id' => (string) $id, 'hostid' => '5', 'kind' => $kind, 'objectid' => (string) $object,
        'relatedid' => (string) $related, 'snapshot' => $kept === null ? null : json_encode($kept), 'timecreated' => (string) $time];
}

function lost(string $role): array {
    return ['ended' => ['role' => $role]];
}

/** Name, time and number of each event. */
function story(array $events): array {
    return array_map(function ($event) {
        return [$event[0], $event[1]['role'], $event[1]['timemodified'], $event[2]];
    }, $events);
}

function graded(array $row): string {
    $row += ['action' => 2, 'source' => 'mod/quiz', 'finalgrade' => '7.00000', 'excluded' => '0', 'itemtype' => 'mod'];
    return rules::graded((object) $row, false);
}

function test_notes_of_one_thing_are_sent_once_where_the_first_stood() {
    $groups = notes::groups([
        note(3, notes::USER, 7), note(4, notes::ENROLMENT, 7, 2), note(6, notes::USER, 7, 0, null, 1005), note(9, notes::SECTION, 7),
    ]);
    same(['user', 'enrolment', 'section'], array_column($groups, 'kind'));
    same([6, 4, 9], array_column($groups, 'seq'));
    same([1005, 1000, 1000], array_column($groups, 'noted'));
    same([3, 6], notes::ids($groups[0]));
    same([7, 2], [$groups[1]->objectid, $groups[1]->relatedid]);
}

function test_what_was_kept_of_something_gone_is_sent_by_itself() {
    $events = ['events' => [['delete_section', ['idnumber' => '#7']]]];
    $groups = notes::groups([note(1, notes::SECTION, 7), note(2, notes::SECTION, 7, 0, $events), note(3, notes::SECTION, 7)]);
    same([[1, 3], [2]], array_map([notes::class, 'ids'], $groups));
    same([3, 2], array_column($groups, 'seq'));
}

function test_what_becomes_other_notes_stays_alone() {
    $groups = notes::groups([note(1, notes::COURSE, 7), note(2, notes::COURSE, 7), note(3, notes::EVERYTHING, 5)]);
    same([[1], [2], [3]], array_map([notes::class, 'ids'], $groups));
}

function test_a_snapshot_that_nobody_can_read_is_none() {
    same([], notes::snapshot(note(1, notes::USER, 7)));
    same([], notes::snapshot((object) ['snapshot' => '{broken']));
    same([], notes::snapshot((object) ['snapshot' => '"word"']));
    same(lost('student'), notes::snapshot(note(1, notes::ENROLMENT, 7, 2, lost('student'))));
}

function test_whoever_is_there_is_told_with_the_time_of_the_latest_change() {
    $now = [['role' => 'student', 'status' => 'suspended', 'timemodified' => 900]];
    $rows = [note(1, notes::ENROLMENT, 7, 2), note(2, notes::ENROLMENT, 7, 2, null, 1010)];
    same([['new_enrolment', 'student', 1010, 2]], story(rules::enrolment($now, $rows, '', '')));
    $now[0]['timemodified'] = 1020;
    same([['new_enrolment', 'student', 1020, 2]], story(rules::enrolment($now, $rows, '', '')));
}

function test_send_everything_keeps_the_times_of_old_and_has_the_outboxs_number() {
    $now = [['role' => 'student', 'timemodified' => 900]];
    same([['new_enrolment', 'student', 900, 1]], story(rules::enrolment($now, [note(1, notes::ENROLMENT, 7, 2, null, 0)], '', '')));
    // Else what holds now came before what was told of in the same second.
    same([8, 9], array_column(notes::groups([note(8, notes::USER, 7, 0, null, 0), note(9, notes::USER, 8)]), 'seq'));
    same([10], array_column(notes::groups([note(9, notes::USER, 7), note(10, notes::USER, 7, 0, null, 0)]), 'seq'));
    same([], rules::enrolment([], [note(1, notes::ENROLMENT, 7, 2, null, 0)], '', ''));
}

function test_a_role_that_was_lost_is_ended_and_no_other() {
    $now = [['role' => 'teacher', 'timemodified' => 900]];
    $rows = [note(4, notes::ENROLMENT, 7, 2, lost('student'), 1010)];
    $events = rules::enrolment($now, $rows, 'P7', 'C2');
    same([['new_enrolment', 'teacher', 1010, 4], ['end_enrolment', 'student', 1010, 4]], story($events));
    same(['sectionid' => 'C2', 'userid' => 'P7', 'role' => 'student', 'timemodified' => 1010], $events[1][1]);
}

function test_whoever_came_back_is_not_ended() {
    $now = [['role' => 'student', 'timemodified' => 1020]];
    $rows = [note(4, notes::ENROLMENT, 7, 2, lost('student'), 1010), note(5, notes::ENROLMENT, 7, 2, null, 1020)];
    same([['new_enrolment', 'student', 1020, 5]], story(rules::enrolment($now, $rows, 'P7', 'C2')));
}

function test_whoever_came_and_went_while_nothing_could_be_sent_came_and_went() {
    $rows = [
        note(1, notes::ENROLMENT, 7, 2, null, 1000), note(2, notes::ENROLMENT, 7, 2, null, 1001),
        note(3, notes::ENROLMENT, 7, 2, lost('student'), 1010), note(4, notes::ENROLMENT, 7, 2, null, 1011),
    ];
    $events = rules::enrolment([], $rows, 'P7', 'C2');
    same([['new_enrolment', 'student', 1000, 1], ['end_enrolment', 'student', 1010, 3]], story($events));
    same('active', $events[0][1]['status']);
}

function test_nobody_is_ended_who_had_no_role() {
    same([], rules::enrolment([], [note(1, notes::ENROLMENT, 7, 2), note(2, notes::ENROLMENT, 7, 2, lost(''))], 'P7', 'C2'));
}

function test_a_grade_goes_only_when_a_person_takes_it_back() {
    same(rules::TELL, graded([]));
    same(rules::TELL, graded(['finalgrade' => null]));
    foreach (['userdelete', 'coursedelete', 'moddelete', 'moduninstall', 'reset'] as $source) {
        same(rules::NOTHING, graded(['action' => 3, 'source' => $source]), $source);
    }
    same(rules::TAKEN_BACK, graded(['action' => 3, 'source' => 'gradebook']));
    same(rules::TAKEN_BACK, graded(['action' => 3, 'source' => null]));
    same(rules::NOTHING, graded(['action' => 3, 'source' => 'gradebook', 'itemtype' => null]));
    // Whatever never was a grade, or was cleared before, cannot be taken back.
    same(rules::NOTHING, graded(['action' => 3, 'source' => 'gradebook', 'finalgrade' => null]));
    same(rules::TAKEN_BACK, graded(['action' => 3, 'source' => 'gradebook', 'finalgrade' => null, 'excluded' => '1700000000']));
}

function test_totals_are_not_told_of() {
    foreach (['course', 'category', null] as $type) {
        same(rules::NOTHING, graded(['itemtype' => $type]));
        same(rules::NOTHING, rules::item((object) ['action' => 1, 'itemtype' => $type]));
    }
    same(rules::TELL, graded(['itemtype' => 'manual']));
    same(rules::TELL, rules::item((object) ['action' => 2, 'itemtype' => 'manual']));
    same(rules::NOTHING, rules::item((object) ['action' => 3, 'itemtype' => 'mod']));
}

function test_a_reset_empties_nothing() {
    $row = ['action' => 2, 'source' => 'mod/quiz', 'finalgrade' => null, 'excluded' => '0', 'itemtype' => 'mod'];
    same(rules::NOTHING, rules::graded((object) $row, true));
    same(rules::TELL, rules::graded((object) (['finalgrade' => '3.0'] + $row), true));
    same(rules::TELL, rules::graded((object) (['excluded' => '1700000000'] + $row), true));
    same(rules::NOTHING, rules::graded((object) (['action' => 3, 'source' => 'gradebook'] + $row), true));
}

function test_only_the_attempt_that_counts_changed_just_now() {
    $structs = [['attempt_num' => 2, 'timemodified' => 700], ['attempt_num' => 1, 'timemodified' => 500]];
    same([1000, 500], array_column(rules::dated($structs, 1000), 'timemodified'));
    same([700, 500], array_column(rules::dated($structs, 0), 'timemodified'));
    same([1000], array_column(rules::dated([['timemodified' => 0]], 1000), 'timemodified'));
    same([], rules::dated([], 1000));
}

function test_waiting_grows_up_to_an_hour() {
    same([60, 120, 240, 480, 960, 1920, 3600, 3600], array_map([rules::class, 'wait'], range(1, 8)));
    same(3600, rules::wait(100000));
    same(60, rules::wait(0));
}

function test_each_event_of_a_list_has_its_own_result() {
    $results = [
        ['status' => 'created', 'id' => '1', 'message' => ''], ['status' => 'held', 'id' => '', 'message' => 'Kept'],
        ['status' => 'failed', 'fault' => 8409, 'message' => 'two'], ['status' => 'failed', 'fault' => 8503, 'message' => 'later'],
        ['status' => 'odd'], 'odd',
    ];
    $answer = answer::of(true, $results, [], 6, true);
    same(answer::ANSWERED, $answer->meaning);
    same([null, null, 8409, 8503, 0, 0], array_column($answer->results, 0));
    same('two', $answer->results[2][1]);
}

function test_a_single_event_is_taken_or_refused() {
    same([[null, '']], answer::of(true, ['status' => 'unchanged', 'id' => '1', 'message' => ''], [], 1, false)->results);
    foreach ([8400, 8404, 8409, 8999, 0] as $code) {
        $answer = answer::of(false, ['faultCode' => $code, 'faultString' => 'no'], ["$code : no"], 1, false);
        same([answer::ANSWERED, [[$code, 'no']]], [$answer->meaning, $answer->results], (string) $code);
    }
}

function test_what_a_server_does_not_like_as_a_whole_is_cut_up() {
    same(answer::SPLIT, answer::of(false, ['faultCode' => 8400, 'faultString' => 'too many'], ['8400 : too many'], 250, true)->meaning);
    same(answer::SPLIT, answer::of(false, ['faultCode' => 17, 'faultString' => 'odd'], ['17 : odd'], 2, true)->meaning);
    same(answer::ANSWERED, answer::of(false, ['faultCode' => 17, 'faultString' => 'odd'], ['17 : odd'], 1, true)->meaning);
}

function test_switched_off_for_us_waits_and_for_one_kind_of_event_does_not() {
    $off = ['faultCode' => 8403, 'faultString' => 'off'];
    // Alone it is asked again as a list of one, whose answer tells which of both it is.
    same(answer::SPLIT, answer::of(false, $off, ['8403 : off'], 1, false)->meaning);
    same(answer::WAIT, answer::of(false, $off, ['8403 : off'], 1, true)->meaning);
    $one = answer::of(true, [['status' => 'failed', 'fault' => 8403, 'message' => 'off']], [], 1, true);
    same([[8403, 'off']], $one->results);
}

function test_what_is_no_answer_about_an_event_waits() {
    $waits = [
        [null, ['8:CURL error: Connection refused']], ['', ['7:User with ID 0 attempted to call unauthorised method']],
        [null, ['28:Operation timed out']], ['', ['3:No key match']], ['', ['6:Time gap with X (90 seconds)']],
        [['faultCode' => 8503, 'faultString' => 'busy'], ['8503 : busy']], [['faultCode' => 707, 'faultString' => 'x'], ['707 : x']],
        [['faultCode' => 7025, 'faultString' => 'key'], ['7025 : key']], [['status' => 'created'], ['Invalid signature']],
    ];
    foreach ($waits as [$response, $errors]) {
        foreach ([[1, false], [250, true]] as [$count, $ismany]) {
            $answer = answer::of(false, $response, $errors, $count, $ismany);
            same(answer::WAIT, $answer->meaning, $errors[0]);
            holds($answer->error !== '');
        }
    }
    same('8503: busy', answer::of(false, $waits[5][0], $waits[5][1], 1, false)->error);
    same(answer::WAIT, answer::of(true, [['status' => 'created']], [], 2, true)->meaning);
    same(answer::WAIT, answer::of(true, 'no list', [], 2, true)->meaning);
}
