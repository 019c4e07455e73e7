<?php
// What the plugin says, hands out and deletes of people: in every column that has one.

require_once __DIR__ . '/privacy.php';
require_once __DIR__ . '/school.php';

use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;
use local_schooltool\local\notes;
use local_schooltool\local\outbox;
use local_schooltool\privacy\provider;

/** Everything in which a user leaves a trace, of 7 and 8; and what is about nobody. */
function begin_privacy(): void {
    global $DB;
    school::begin();
    writer::$out = [];
    foreach ([7, 8] as $userid) {
        foreach (['user' => 0, 'enrolment' => 2, 'places' => 0, 'roles' => 1] as $kind => $related) {
            waits($kind, $userid, $related);
        }
        waits('grade', 100, $userid);
        $refused = ['hostid' => 5, 'objectid' => 100, 'relatedid' => $userid, 'event' => 'new_grade', 'code' => 8409, 'reason' => 'two'];
        $DB->insert_record('local_schooltool_refused', $refused + ['kind' => 'grade', 'timecreated' => 30]);
        foreach (['suspended', 'double user'] as $source) {
            $DB->insert_record('local_schooltool_known', ['source' => $source, 'rowid' => $userid, 'timetaken' => 40]);
        }
        $DB->insert_record('local_schooltool_attempt', ['module' => 'quiz', 'instance' => 1, 'userid' => $userid, 'counted' => 3]);
        $course = ['name' => 'A', 'idnumber' => "C$userid", 'teacheridnumber' => "T$userid", 'teachermoodleid' => (string) $userid];
        waits('section', 50 + $userid, 0, ['events' => [['new_section', $course]]]);
    }
    waits('section', 7, 0);
    waits('assessment', 7, 0);
    waits('grade', 7, 9);
    waits('everything', 7, 0);
    $DB->insert_record('local_schooltool_known', ['source' => 'grades', 'rowid' => 7, 'timetaken' => 40]);
    $DB->insert_record('local_schooltool_known', ['source' => 'double item', 'rowid' => 7, 'timetaken' => 40]);
}

function waits(string $kind, int $object, int $related, ?array $kept = null): void {
    global $DB;
    $DB->insert_record(outbox::TABLE, ['hostid' => 5, 'kind' => $kind, 'objectid' => $object, 'relatedid' => $related,
        'snapshot' => $kept ? json_encode($kept) : null, 'timecreated' => 20]);
}

function of_user(int $userid): approved_contextlist {
    return new approved_contextlist((object) ['id' => $userid], [context_system::instance()]);
}

/** How many rows there are: outbox, refused, known, attempts. */
function left(): array {
    global $DB;
    return array_map([$DB, 'count_records'], array_keys(provider::TABLES));
}

/** What waiting sections say of their teachers. */
function teachers(): array {
    global $DB;
    return array_map(function ($row) {
        return notes::snapshot($row)['events'][0][1]['teacheridnumber'] ?? '';
    }, array_values($DB->get_records_select(outbox::TABLE, "kind = 'section' AND snapshot IS NOT NULL")));
}

function test_every_column_of_every_table_with_a_user_is_told_of() {
    global $DB;
    begin_privacy();
    provider::get_metadata($collection = new collection());
    $places = array_keys(provider::TABLES);
    same(array_merge($places, ['schooltool']), array_keys($collection->told));
    $own = simplexml_load_file(PLUGINS . '/local_schooltool/db/install.xml');
    $tables = [];
    foreach ($own->TABLES->TABLE as $table) {
        $columns = [];
        foreach ($table->FIELDS->FIELD as $field) {
            $columns[] = (string) $field['NAME'];
        }
        $tables[(string) $table['NAME']] = $columns;
    }
    // No user stands in these: servers, how far a history was read, when a course was reset.
    same($places, array_values(array_diff(array_keys($tables), ['local_schooltool_peer', 'local_schooltool_cursor', 'local_schooltool_quiet'])));
    foreach (provider::TABLES as $table => $columns) {
        same([], array_values(array_diff($tables[$table], array_keys($columns), ['id', 'hostid', 'outboxid'])), $table);
    }
}

function test_who_is_in_it() {
    begin_privacy();
    provider::get_users_in_context($list = new userlist(context_system::instance()));
    sort($list->userids);
    same([7, 8, 9], $list->userids);
    provider::get_users_in_context($other = new userlist(context_user::instance(7)));
    same([], $other->userids);
    foreach ([7 => 1, 8 => 1, 9 => 1, 100 => 0, 50 => 0] as $userid => $count) {
        same($count, count(provider::get_contexts_for_userid($userid)->contexts), (string) $userid);
    }
}

function test_each_table_alone_tells_that_somebody_is_in_it() {
    global $DB;
    foreach (array_keys(provider::TABLES) as $only) {
        reset_moodle();
        begin_privacy();
        foreach (array_diff(array_keys(provider::TABLES), [$only]) as $table) {
            $DB->delete_records($table);
        }
        same(1, count(provider::get_contexts_for_userid(8)->contexts), $only);
        provider::get_users_in_context($list = new userlist(context_system::instance()));
        holds(in_array(8, $list->userids, true), $only);
    }
}

function test_what_is_handed_out() {
    begin_privacy();
    provider::export_user_data(of_user(8));
    same(array_keys(provider::TABLES), array_keys(writer::$out));
    same([6, 1, 2, 1], array_values(array_map(function ($data) {
        return count($data->rows);
    }, writer::$out)));
    same(['source' => 'suspended', 'rowid' => '8', 'timetaken' => 'at 40'], writer::$out['local_schooltool_known']->rows[0]);
    same(['module' => 'quiz', 'instance' => '1', 'userid' => '8', 'counted' => '3'], writer::$out['local_schooltool_attempt']->rows[0]);
    same(['new_grade', '8409', 'two'], array_slice(array_values(writer::$out['local_schooltool_refused']->rows[0]), 4));
    holds(strpos(json_encode(writer::$out), '"7"') === false, 'nobody else is in it');
    writer::$out = [];
    provider::export_user_data(new approved_contextlist((object) ['id' => 8], [context_user::instance(8)]));
    provider::export_user_data(of_user(10));
    same([], writer::$out);
}

function test_what_is_deleted_of_somebody_is_theirs_alone() {
    begin_privacy();
    same([16, 2, 6, 2], left());
    provider::delete_data_for_user(new approved_contextlist((object) ['id' => 8], [context_user::instance(8)]));
    same([16, 2, 6, 2], left());
    provider::delete_data_for_user(of_user(8));
    same([11, 1, 4, 1], left());
    same(['T7', ''], teachers());
    same(0, count(provider::get_contexts_for_userid(8)->contexts));
    same(1, count(provider::get_contexts_for_userid(7)->contexts));
    provider::delete_data_for_users(new approved_userlist(context_system::instance(), [7, 9]));
    // A note of a course, of an item, of everything; what was read of the gradebook; and both courses.
    same([5, 0, 2, 0], left());
    same(['', ''], teachers());
}

function test_all_of_it_is_deleted() {
    begin_privacy();
    provider::delete_data_for_all_users_in_context(context_user::instance(7));
    same([16, 2, 6, 2], left());
    provider::delete_data_for_all_users_in_context(context_system::instance());
    same([5, 0, 2, 0], left());
    same(['', ''], teachers());
    provider::get_users_in_context($list = new userlist(context_system::instance()));
    same([], $list->userids);
}
