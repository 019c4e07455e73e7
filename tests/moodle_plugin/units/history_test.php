<?php
// How the gradebook's histories become notes: each row once, also one that is committed late.

require_once __DIR__ . '/school.php';

use local_schooltool\local\history;
use local_schooltool\local\outbox;

/** A Moodle with a quiz, a total and pupil 3, whose histories were read up to row 10. */
function begin_history(int ...$hosts): void {
    global $DB, $CFG;
    school::begin();
    $CFG->disablegradehistory = 0;
    $DB->run('DROP TABLE grade_grades_history');
    $DB->run('CREATE TABLE grade_grades_history (id INTEGER PRIMARY KEY, action INT DEFAULT 2, source, oldid INT DEFAULT 1, itemid INT,
        userid INT DEFAULT 3, finalgrade REAL DEFAULT 5, excluded INT DEFAULT 0, hidden INT DEFAULT 0, timemodified INT DEFAULT 2000)');
    $DB->run('DROP TABLE grade_items_history');
    $DB->run("CREATE TABLE grade_items_history (id INTEGER PRIMARY KEY, action INT DEFAULT 2, source, oldid INT, itemtype DEFAULT 'mod',
        timemodified INT DEFAULT 2000, courseid INT, categoryid INT, itemname, idnumber, gradetype INT, grademin REAL, grademax REAL,
        aggregationcoef REAL, hidden INT)");
    foreach (['grades', 'items'] as $source) {
        $DB->insert_record('local_schooltool_cursor', ['source' => $source, 'position' => 10]);
    }
    foreach ($hosts as $host) {
        $DB->insert_record('local_schooltool_peer', ['hostid' => $host, 'enabled' => 1]);
    }
    outbox::forget_peers();
    school::course('A');
    school::user('two');
    school::user('anna', ['idnumber' => 'P3']);
    school::item(2, 'Quiz', ['idnumber' => 'Q']);
    school::item(2, 'Total', ['itemtype' => 'course']);
}

function graded_as(int $id, array $row = []): void {
    global $DB;
    $DB->insert_record('grade_grades_history', $row + ['id' => $id, 'itemid' => 1]);
}

/** The notes since the last time: host, kind, object, related, time. */
function taken(): array {
    global $DB;
    history::take(microtime(true) + 5);
    $notes = array_map(function ($row) {
        return [(int) $row->hostid, $row->kind, (int) $row->objectid, (int) $row->relatedid, (int) $row->timecreated];
    }, array_values($DB->get_records('local_schooltool_outbox')));
    $DB->delete_records('local_schooltool_outbox');
    return $notes;
}

function position(): int {
    global $DB;
    return (int) $DB->get_field('local_schooltool_cursor', 'position', ['source' => 'grades']);
}

function test_each_row_is_taken_once_and_one_grade_is_one_note() {
    begin_history(5);
    graded_as(9);
    graded_as(11, ['timemodified' => 2001]);
    graded_as(12, ['timemodified' => 2002]);
    holds(history::is_behind());
    same([[5, 'grade', 1, 3, 2002]], taken());
    holds(!history::is_behind());
    same([], taken());
}

function test_a_lower_id_that_is_committed_later_is_taken() {
    begin_history(5);
    graded_as(14);
    same(1, count(taken()));
    graded_as(12, ['userid' => 2]);
    holds(history::is_behind());
    same([[5, 'grade', 1, 2, 2000]], taken());
    same([], taken());
    same(10, position());
}

function test_what_was_taken_ten_minutes_ago_is_left_behind() {
    global $DB;
    begin_history(5);
    graded_as(14);
    taken();
    $DB->set_field_select('local_schooltool_known', 'timetaken', time() - history::OVERLAP_S - 1, '1 = 1');
    graded_as(15);
    same(1, count(taken()));
    same(14, position());
    same(['15'], $DB->get_fieldset_select('local_schooltool_known', 'rowid', "source = 'grades'"));
    same([], taken());
}

function test_every_server_has_its_own_notes() {
    begin_history(5, 6);
    graded_as(11);
    same([[5, 'grade', 1, 3, 2000], [6, 'grade', 1, 3, 2000]], taken());
}

function test_before_anything_is_connected_nothing_is_noted_and_nothing_is_read_later() {
    begin_history();
    graded_as(11);
    same([], taken());
    same(11, position());
}

function test_items_and_totals() {
    global $DB;
    begin_history(5);
    graded_as(11, ['itemid' => 2]);
    foreach ([['oldid' => 1], ['oldid' => 2, 'itemtype' => 'course'], ['oldid' => 1, 'action' => 3]] as $n => $row) {
        $DB->insert_record('grade_items_history', $row + ['id' => 11 + $n]);
    }
    same([[5, 'assessment', 1, 0, 2000]], taken());
}

function test_a_grade_that_a_person_took_back() {
    global $DB;
    begin_history(5);
    graded_as(11, ['action' => 3, 'source' => 'userdelete']);
    graded_as(12, ['action' => 3, 'source' => 'reset']);
    same([], taken());
    graded_as(13, ['action' => 3, 'source' => 'gradebook', 'timemodified' => 2005]);
    history::take(microtime(true) + 5);
    $kept = json_decode($DB->get_field('local_schooltool_outbox', 'snapshot', ['objectid' => 1]), true);
    $own = ['assessmentmoodleid' => '1', 'usermoodleid' => '3'];
    same([['delete_grade', ['assessmentid' => 'Q', 'userid' => 'P3', 'timemodified' => 2005] + $own]], $kept['events']);
}

function test_what_goes_empty_while_a_course_is_reset_says_nothing() {
    global $DB;
    begin_history(5);
    $DB->insert_record('local_schooltool_quiet', ['courseid' => 2, 'timestart' => 1990, 'timeend' => 2010]);
    graded_as(11, ['finalgrade' => null]);
    same([], taken());
    graded_as(12, ['finalgrade' => null, 'timemodified' => 2011]);
    same([[5, 'grade', 1, 3, 2011]], taken());
}
