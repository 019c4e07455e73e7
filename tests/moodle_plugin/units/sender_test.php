<?php
// When what waits is sent, to whom, in which order, and when not; against servers that answer anything.

require_once __DIR__ . '/outgoing.php';

use core\lock\lock_config;
use local_schooltool\local\history;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\local\sender;

function refusing(int $code, string ...$courses): callable {
    return function ($name, $data) use ($code, $courses) {
        $is = in_array($data['idnumber'] ?? '', $courses, true);
        return $is ? ['status' => 'failed', 'fault' => $code, 'message' => "no $code"] : ['status' => 'created', 'id' => '1', 'message' => ''];
    };
}

/** Counts: sent, refused, waiting. */
function sent(?int $host = null, int $seconds = 50, bool $issoon = false): array {
    $did = sender::run($host, $seconds, $issoon);
    return [$did['sent'], $did['refused'], $did['waiting']];
}

function test_one_event_is_one_call_and_more_are_one_list() {
    outgoing::begin(3);
    $id = outgoing::note(1);
    same([1, 0, 0], sent());
    $call = mnet_xmlrpc_client::$calls[0];
    $data = ['idnumber' => 'C1', 'name' => 'C1', 'timemodified' => 1000, 'seq' => $id, 'to' => 'https://a.example'];
    same(['https://a.example', 'new_section', [$data]], $call);
    outgoing::called();
    outgoing::note(2);
    outgoing::note(3);
    same([2, 0, 0], sent());
    same([['a', 'push_events', 'C2 C3']], outgoing::called());
    same([0, 0, 0], sent());
    same([], outgoing::called());
}

function test_every_event_carries_time_number_and_addressee() {
    global $DB;
    outgoing::begin(3);
    $before = time();
    $ids = [outgoing::note(1), outgoing::note(2, 3, 'new_section', 0)];
    $anna = school::user('anna', ['idnumber' => 'P', 'timemodified' => 500]);
    $ids[] = $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => 'user', 'objectid' => $anna, 'timecreated' => 0]);
    sent();
    $told = array_column(mnet_xmlrpc_client::$calls[0][2][0], 'data');
    same($ids, array_column($told, 'seq'));
    same(array_fill(0, 3, 'https://a.example'), array_column($told, 'to'));
    $times = array_column($told, 'timemodified');
    holds($times[0] === 1000 && $times[1] >= $before && $times[2] === 1000, json_encode($times));
}

function test_no_more_than_250_in_one_call_and_fewer_after_a_page() {
    outgoing::begin(3);
    foreach (range(1, 601) as $course) {
        outgoing::note($course);
    }
    same([601, 0, 0], sent());
    same([250, 250, 101], array_map(function ($call) {
        return count(explode(' ', $call[2]));
    }, $calls = outgoing::called()));
    same(implode(' ', array_map(function ($n) {
        return "C$n";
    }, range(1, 601))), implode(' ', array_column($calls, 2)), 'in their order');
    foreach (range(1, 60) as $course) {
        outgoing::note($course);
    }
    same([60, 0, 0], sent(null, 5, true));
    same([50, 10], array_map(function ($call) {
        return count(explode(' ', $call[2]));
    }, outgoing::called()));
}

function test_few_notes_on_a_busy_machine_leave_nothing_lying() {
    global $DB;
    outgoing::begin(3);
    $course = school::course('A', ['idnumber' => 'ALG']);
    $anna = school::user('anna', ['idnumber' => 'P']);
    school::student($anna, $course);
    outgoing::answers(function () {
        usleep(250000);
        return ['status' => 'created', 'id' => '1', 'message' => ''];
    });
    foreach ([notes::USER, notes::PLACES] as $kind) {
        $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => $kind, 'objectid' => $anna, 'timecreated' => 2000]);
    }
    // Somebody is suspended: the places are found only when the person is sent.
    same([2, 0, 0], sent(null, 5, true));
    same(['fetch_user', 'new_enrolment'], array_column(outgoing::called(), 1));
}

function test_what_waits_of_one_thing_is_told_once_and_after_what_it_needs() {
    global $DB;
    outgoing::begin(3);
    $course = school::course('A', ['idnumber' => 'ALG']);
    $anna = school::user('anna', ['idnumber' => 'P']);
    school::student($anna, $course);
    foreach ([['user', $anna, 0], ['enrolment', $anna, $course], ['user', $anna, 0], ['section', $course, 0]] as $n => [$kind, $id, $related]) {
        $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => $kind, 'objectid' => $id, 'relatedid' => $related, 'timecreated' => 2000 + $n]);
    }
    same([3, 0, 0], sent());
    $events = mnet_xmlrpc_client::$calls[0][2][0];
    same(['fetch_user', 'new_section', 'new_enrolment'], array_column($events, 'event'));
    same([2002, 2003, 2001], array_column(array_column($events, 'data'), 'timemodified'));
    same(['3', '4'], [(string) $events[0]['data']['seq'], outgoing::server()->position]);
}

function test_what_is_refused_stands_on_the_status_page_and_the_others_pass() {
    foreach ([8400, 8404, 8409, 8403, 8999, 0] as $code) {
        reset_moodle();
        outgoing::begin(3);
        foreach ([1, 2, 3] as $course) {
            outgoing::note($course);
        }
        outgoing::answers(refusing($code, 'C2'));
        same([2, 1, 0], sent(), (string) $code);
        same([[2, 'new_section', $code]], outgoing::refused());
        same(["no $code"], array_column(sender::status(3)['refused'], 'reason'));
        same([0, '', 0], [(int) outgoing::server()->failures, outgoing::server()->lasterror, (int) outgoing::server()->downuntil]);
        // It leaves the list when it is told again and taken.
        outgoing::answers(refusing(0));
        outgoing::note(2);
        same([1, 0, 0], sent());
        same([], outgoing::refused());
    }
}

function test_refused_alone_it_is_refused_all_the_same() {
    foreach ([8400, 8404, 8409, 8999, 0] as $code) {
        reset_moodle();
        outgoing::begin(3);
        outgoing::note(2);
        outgoing::answers(refusing($code, 'C2'));
        same([0, 1, 0], sent(), (string) $code);
        same([[2, 'new_section', $code]], outgoing::refused());
        same(1, count(outgoing::called()));
    }
}

function test_a_kind_of_event_that_is_switched_off_there_is_told_from_a_server_that_is() {
    outgoing::begin(3);
    outgoing::note(2);
    outgoing::answers(refusing(8403, 'C2'));
    // Alone the fault says nothing of which; as a list of one it does.
    same([0, 1, 0], sent());
    same([['a', 'new_section', 'C2'], ['a', 'push_events', 'C2']], outgoing::called());
    same([[2, 'new_section', 8403]], outgoing::refused());
    outgoing::end(function () {
        return ['faultCode' => 8403, 'faultString' => 'off'];
    });
    outgoing::note(3);
    outgoing::note(4);
    same([0, 0, 2], sent());
    same('3 4', outgoing::waiting());
    same('8403: off', outgoing::server()->lasterror);
}

function test_later_for_one_in_a_list_keeps_that_one_and_lets_the_server_alone() {
    outgoing::begin(3);
    foreach ([1, 2, 3] as $course) {
        outgoing::note($course);
    }
    outgoing::answers(refusing(8503, 'C2'));
    same([2, 0, 1], sent());
    same(['2', [], '8503: no 8503'], [outgoing::waiting(), outgoing::refused(), outgoing::server()->lasterror]);
    outgoing::called();
    same([0, 0, 1], sent());
    same([], outgoing::called());
    outgoing::answers(refusing(0));
    outgoing::later();
    same([1, 0, 0], sent());
    same([['a', 'new_section', 'C2']], outgoing::called());
}

function test_waits_grow_up_to_an_hour_and_begin_anew_after_a_success() {
    outgoing::begin(3);
    outgoing::note(1);
    $waits = [];
    foreach (range(1, 8) as $once) {
        outgoing::end(function () {
            return '8:CURL error: Connection refused';
        });
        $now = time();
        same([0, 0, 1], sent());
        $waits[] = outgoing::server()->downuntil - $now;
        outgoing::later();
    }
    foreach ([60, 120, 240, 480, 960, 1920, 3600, 3600] as $n => $seconds) {
        holds(abs($waits[$n] - $seconds) <= 2, json_encode($waits));
    }
    same('8:CURL error: Connection refused', sender::status(3)['last_error']);
    outgoing::answers(refusing(0));
    same([1, 0, 0], sent());
    same([0, ''], [(int) outgoing::server()->failures, outgoing::server()->lasterror]);
    holds(outgoing::server()->lastsuccess >= time() - 2);
}

function test_nothing_goes_to_a_server_that_is_down_unless_somebody_asks_or_it_was_heard_of() {
    global $DB;
    outgoing::begin();
    foreach ([3, 4] as $host) {
        outgoing::note(1, $host);
    }
    $DB->set_field('local_schooltool_peer', 'downuntil', time() + 500, ['hostid' => 3]);
    // The other one need not wait for it.
    same([1, 0, 1], sent());
    same([['b', 'new_section', 'C1']], outgoing::called());
    same([1, 0, 0], sent(3));
    same([['a', 'new_section', 'C1']], outgoing::called());
    $DB->set_field('local_schooltool_peer', 'downuntil', time() + 500, ['hostid' => 3]);
    outgoing::note(2);
    sender::is_up(3);
    same([1, 0, 0], sent());
}

function test_one_server_that_cannot_be_reached_keeps_no_other_waiting() {
    outgoing::begin();
    foreach ([3, 4] as $host) {
        outgoing::note(1, $host);
    }
    outgoing::end(function () {
        return count(mnet_xmlrpc_client::$calls) === 1 ? '28:Operation timed out' : ['status' => 'created'];
    });
    same([1, 0, 1], sent());
    same(['1', ''], [outgoing::waiting(3), outgoing::waiting(4)]);
}

function test_one_sender_at_a_time() {
    outgoing::begin(3);
    outgoing::note(1);
    lock_config::$taken = true;
    $did = sender::run(null, 50);
    same([true, 0, 1], [$did['busy'], $did['sent'], $did['waiting']]);
    same([], outgoing::called());
    lock_config::$taken = false;
    same(false, sender::run(null, 50)['busy']);
    same(false, lock_config::$taken, 'it is given back');
}

function test_the_lock_is_given_back_when_something_breaks() {
    global $DB;
    outgoing::begin(3);
    outgoing::note(1);
    $DB->run('DROP TABLE local_schooltool_refused');
    try {
        sender::run(null, 50);
    } catch (dml_exception $problem) {
        same(false, lock_config::$taken);
        return;
    }
    holds(false, 'a database that is broken is told');
}

function test_what_came_in_meanwhile_is_sent_by_the_same_run() {
    outgoing::begin(3);
    outgoing::note(1);
    outgoing::answers(function ($name, $data) {
        if ($data['idnumber'] === 'C1') {
            outgoing::note(2);
        }
        return ['status' => 'created'];
    });
    same([2, 0, 0], sent());
}

function test_a_copy_at_another_address_a_server_paused_or_deleted_and_networking_off_send_nothing() {
    global $CFG, $DB;
    $cases = [
        function () use ($DB) {
            global $DB;
            $DB->set_field('local_schooltool_peer', 'enabled', 0, ['hostid' => 3]);
        },
        function () {
            global $DB;
            $DB->set_field('mnet_host', 'deleted', 1, ['id' => 3]);
        },
        function () {
            global $CFG;
            $CFG->mnet_dispatcher_mode = 'off';
        },
        function () {
            global $CFG;
            $CFG->wwwroot = 'https://copy.example';
        },
    ];
    foreach ($cases as $n => $case) {
        reset_moodle();
        outgoing::begin(3);
        outgoing::note(1);
        $case();
        same([0, 0, 1], sent(), "case $n");
        same([0, 0, 1], sent(3), "case $n");
        same([], outgoing::called(), "case $n");
        same($n === 3, sender::run(null, 50)['moved']);
    }
}

function test_no_call_begins_when_time_is_up_and_none_is_longer_than_what_is_left() {
    outgoing::begin(3);
    outgoing::note(1);
    same([0, 0, 1], sent(null, 0));
    same([], outgoing::called());
    same([1, 0, 0], sent(null, 5, true));
    same([5], mnet_xmlrpc_client::$timeouts);
    outgoing::note(2);
    sent();
    same([5, 60], mnet_xmlrpc_client::$timeouts);
    // The task, whose reading took all its time, sends one list all the same.
    outgoing::note(3);
    outgoing::note(4);
    outgoing::answers(function () {
        usleep(1200000);
        return ['status' => 'created'];
    });
    same([2, 0, 0], sent(null, 1));
}

function test_a_page_that_had_little_time_says_less_of_a_server() {
    outgoing::begin(3);
    outgoing::note(1);
    outgoing::end(function () {
        return '28:Operation timed out';
    });
    $now = time();
    sent(null, 5, true);
    holds(abs(outgoing::server()->downuntil - $now - 30) <= 2);
    same(0, (int) outgoing::server()->failures);
    outgoing::later();
    $now = time();
    sent();
    outgoing::later();
    sent(null, 5, true);
    same(2, (int) outgoing::server()->failures);
}

function test_everything_becomes_what_there_is_before_anything_goes() {
    outgoing::begin(3);
    $course = school::course('A', ['idnumber' => 'ALG']);
    $anna = school::user('anna', ['idnumber' => 'P']);
    school::student($anna, $course);
    school::grade(school::item($course, 'Quiz', ['idnumber' => 'Q']), $anna, 5);
    outbox::note_everything(3);
    same([5, 0, 0], sent());
    $events = mnet_xmlrpc_client::$calls[0][2][0];
    same(['fetch_user', 'new_section', 'new_enrolment', 'new_assessment', 'new_grade'], array_column($events, 'event'));
    // With the times of old, and numbers that grow.
    same([1000, 1000, 1000, 1000, 2000], array_column(array_column($events, 'data'), 'timemodified'));
    $numbers = array_column(array_column($events, 'data'), 'seq');
    same([2, 3, 4, 5, 6], $numbers);
}

function test_what_waits_long_does_not_only_grow() {
    global $DB;
    outgoing::begin(3);
    $DB->set_field('local_schooltool_peer', 'downuntil', time() + 500, ['hostid' => 3]);
    foreach (range(1, sender::CROWDED) as $n) {
        $DB->insert_record(outbox::TABLE, ['hostid' => 3, 'kind' => notes::USER, 'objectid' => $n % 2, 'timecreated' => 1000 + $n]);
    }
    same([0, 0, 2], sent());
    same(['999', '1000'], $DB->get_fieldset_select(outbox::TABLE, 'id', '1 = 1 ORDER BY id'));
}
