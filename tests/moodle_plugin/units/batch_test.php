<?php
// What becomes of notes by what a server answers to a call, also by answers that are none.

require_once __DIR__ . '/outgoing.php';

use local_schooltool\local\batch;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\read\page;

const GOOD = ['status' => 'created', 'id' => '1', 'message' => ''];

/** Send all that waits for server 3 in one batch. */
function batch_sent(float $seconds = 50, bool $issoon = false): array {
    global $DB;
    $server = $DB->get_record_sql('SELECT p.*, h.wwwroot FROM {local_schooltool_peer} p JOIN {mnet_host} h ON h.id = p.hostid WHERE p.hostid = 3');
    $batch = new batch($server);
    $groups = notes::groups(array_values($DB->get_records(outbox::TABLE, ['hostid' => 3])));
    $page = new page($groups);
    foreach ($groups as $group) {
        $batch->add($group, $page);
    }
    $isgood = $batch->send(60, 10, microtime(true) + $seconds, $issoon);
    return [$isgood, $batch->sent, $batch->refused];
}

function three_wait(): void {
    outgoing::begin(3);
    foreach ([1, 2, 3] as $course) {
        outgoing::note($course);
    }
}

function test_an_answer_that_is_no_list_of_as_many_results_leaves_everything_as_it_is() {
    $answers = [
        'shorter' => [GOOD, GOOD], 'longer' => [GOOD, GOOD, GOOD, GOOD], 'empty' => [], 'a text' => 'thank you', 'a number' => 3,
        'nothing' => null, 'true' => true, 'a struct of as many' => GOOD,
        'a list with names' => ['c' => GOOD, 'a' => GOOD, 'b' => GOOD],
    ];
    foreach ($answers as $which => $answer) {
        reset_moodle();
        three_wait();
        outgoing::end(function () use ($answer) {
            return $answer;
        });
        same([false, 0, 0], batch_sent(), $which);
        same(['1 2 3', []], [outgoing::waiting(), outgoing::refused()], $which);
        holds(outgoing::server()->downuntil > time() && outgoing::server()->lasterror !== '', $which);
        same(0, (int) outgoing::server()->position, $which);
    }
}

function test_a_result_that_says_nothing_is_refused_and_spoils_no_other() {
    foreach (['a text', null, 7, [], ['status' => 'odd'], ['status' => 'failed']] as $odd) {
        reset_moodle();
        three_wait();
        outgoing::end(function () use ($odd) {
            return [GOOD, $odd, GOOD];
        });
        same([true, 2, 1], batch_sent(), json_encode($odd));
        same(['', [[2, 'new_section', 0]]], [outgoing::waiting(), outgoing::refused()], json_encode($odd));
    }
}

function test_one_that_spoils_a_whole_list_is_found_and_the_others_pass() {
    outgoing::begin(3);
    foreach (range(1, 9) as $course) {
        outgoing::note($course);
    }
    outgoing::end(function ($param) {
        $many = isset($param[0]) ? array_column($param, 'data') : [$param];
        $isspoilt = in_array('C6', array_column($many, 'idnumber'), true);
        return $isspoilt ? ['faultCode' => 17, 'faultString' => 'odd'] : (isset($param[0]) ? array_fill(0, count($many), GOOD) : GOOD);
    });
    same([true, 8, 1], batch_sent());
    same(['', [[6, 'new_section', 17]]], [outgoing::waiting(), outgoing::refused()]);
    $calls = array_column(outgoing::called(), 2);
    same('C1 C2 C3 C4 C5 C6 C7 C8 C9', $calls[0]);
    // In their order, for whatever comes later may need what came before.
    $good = array_diff($calls, array_filter($calls, function ($about) {
        return in_array('C6', explode(' ', $about), true);
    }));
    same('C1 C2 C3 C4 C5 C7 C8 C9', implode(' ', $good));
}

function test_no_further_call_begins_when_time_is_up_and_what_was_answered_is_done() {
    outgoing::begin(3);
    foreach (range(1, 251) as $course) {
        outgoing::note($course);
    }
    outgoing::answers(function () {
        usleep(1000);
        return GOOD;
    });
    same([true, 250, 0], batch_sent(0.1));
    same('251', outgoing::waiting());
    same('250', outgoing::server()->position);
    same([true, 0, 0], batch_sent(0));
    same('251', outgoing::waiting());
}

function test_a_server_that_wants_all_of_it_later_gets_all_of_it_later() {
    $ends = [
        ['faultCode' => 8503, 'faultString' => 'busy'], ['faultCode' => 707, 'faultString' => 'x'], ['faultCode' => 7012, 'faultString' => 'x'],
        '8:CURL error', '5:HTTP 502', '3:No key match', '6:Time gap', 'Invalid signature',
    ];
    foreach ($ends as $end) {
        foreach ([1, 3] as $count) {
            reset_moodle();
            outgoing::begin(3);
            array_map(['outgoing', 'note'], range(1, $count));
            outgoing::end(function () use ($end) {
                return $end;
            });
            same([false, 0, 0], batch_sent(), json_encode($end));
            same([implode(' ', range(1, $count)), []], [outgoing::waiting(), outgoing::refused()]);
        }
    }
}

function test_a_client_that_throws_and_a_host_that_is_gone_wait() {
    global $DB;
    outgoing::begin(3);
    outgoing::note(1);
    outgoing::end(function () {
        throw new Exception('opensslsealerror');
    });
    same([false, 0, 0], batch_sent());
    same('opensslsealerror', outgoing::server()->lasterror);
    $DB->set_field('mnet_host', 'deleted', 1, ['id' => 3]);
    same([false, 0, 0], batch_sent());
    holds(strpos(outgoing::server()->lasterror, 'no such host') !== false);
    same('1', outgoing::waiting());
}

function test_a_note_of_several_events_is_done_when_all_of_them_are() {
    global $DB;
    outgoing::begin(3);
    $events = array_map(function ($course) {
        return ['new_section', ['idnumber' => "C$course", 'name' => 'x', 'timemodified' => 5]];
    }, [1, 2, 3]);
    $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => 'section', 'objectid' => 9, 'relatedid' => 0,
        'snapshot' => json_encode(['events' => $events]), 'timecreated' => 5]);
    $said = ['C1' => GOOD, 'C2' => ['status' => 'failed', 'fault' => 8409, 'message' => 'two'], 'C3' => ['status' => 'failed', 'fault' => 8503, 'message' => 'busy']];
    outgoing::answers(function ($name, $data) use (&$said) {
        return $said[$data['idnumber']];
    });
    same([false, 1, 1], batch_sent());
    // Not yet: it is told again whole, and what was refused is told then.
    same(['9', []], [outgoing::waiting(), outgoing::refused()]);
    $said['C3'] = GOOD;
    same([true, 2, 1], batch_sent());
    same(['', [[9, 'new_section', 8409]]], [outgoing::waiting(), outgoing::refused()]);
}

function test_what_cannot_be_read_keeps_nothing_else_waiting() {
    global $DB;
    outgoing::begin(3);
    $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => 'section', 'objectid' => 9, 'relatedid' => 0,
        'snapshot' => '{"events": [["no_such_event", {}]]}', 'timecreated' => 5]);
    outgoing::note(1);
    ini_set('error_log', '/dev/null');
    same([true, 1, 1], batch_sent());
    same(['', [[9, 'section', 0]]], [outgoing::waiting(), outgoing::refused()]);
}

function test_what_leads_to_no_event_is_done_without_a_call() {
    global $DB;
    outgoing::begin(3);
    foreach (['user' => 99, 'section' => 99, 'assessment' => 99, 'odd' => 1] as $kind => $id) {
        $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => $kind, 'objectid' => $id, 'timecreated' => 5]);
    }
    set_config('sendenrolments', '0', 'local_schooltool');
    set_config('sendgrades', '0', 'local_schooltool');
    outgoing::note(1);
    same([true, 0, 0], batch_sent());
    same(['', [], []], [outgoing::waiting(), outgoing::called(), outgoing::refused()]);
}

function test_a_reason_that_no_page_could_show_is_cleaned() {
    outgoing::begin(3);
    outgoing::note(1);
    outgoing::answers(function () {
        return ['status' => 'failed', 'fault' => 8400, 'message' => "no\x00\x01\xC3"];
    });
    batch_sent();
    same(["no\u{FFFD}"], array_column(local_schooltool\local\sender::status(3)['refused'], 'reason'));
}

function test_each_server_has_its_own_list_of_what_it_refused() {
    outgoing::begin();
    outgoing::note(1, 3);
    outgoing::note(1, 4);
    outgoing::answers(function () {
        return ['status' => 'failed', 'fault' => 8409, 'message' => 'two'];
    });
    batch_sent();
    same([[[1, 'new_section', 8409]], [], '', '1'], [outgoing::refused(3), outgoing::refused(4), outgoing::waiting(3), outgoing::waiting(4)]);
}
