<?php
// What the plugin for signing on says, hands out and deletes of people: their visits.

require_once __DIR__ . '/privacy.php';
require_once __DIR__ . '/network.php';

use auth_mnet\privacy\provider;
use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;

/** Users 1 and 2 went to other sites or came from there, 2 twice; 3 never did. */
function begin_visits(): void {
    global $DB;
    network::begin();
    writer::$out = [];
    $DB->run('CREATE TABLE context (id INTEGER PRIMARY KEY, contextlevel INT, instanceid INT)');
    foreach (['anna', 'bert', 'carl'] as $n => $name) {
        $userid = network::user($name)->id;
        $DB->insert_record('context', ['contextlevel' => CONTEXT_USER, 'instanceid' => $userid]);
        for ($visit = 1; $visit <= $n % 2 + 1 && $n < 2; $visit++) {
            $DB->insert_record('mnet_session', ['userid' => $userid, 'username' => $name, 'token' => "$name$visit",
                'mnethostid' => 2 + $visit, 'useragent' => 'x', 'session_id' => 's', 'expires' => 100 * $visit]);
        }
    }
}

function visitor(int $userid, int $of = 0): approved_contextlist {
    return new approved_contextlist((object) ['id' => $userid], [context_user::instance($of ?: $userid), context_system::instance()]);
}

function visits_left(): array {
    global $DB;
    return array_map('intval', $DB->get_fieldset_select('mnet_session', 'userid', '1 = 1 ORDER BY id'));
}

function test_every_column_of_a_visit_is_told_of_and_what_goes_to_other_sites() {
    global $DB;
    begin_visits();
    provider::get_metadata($collection = new collection());
    same(['mnet_session', 'sites'], array_keys($collection->told));
    $row = $DB->get_record('mnet_session', ['id' => 1]);
    same([], array_values(array_diff(array_keys((array) $row), array_keys($collection->told['mnet_session'][0]), ['id'])));
    $string = [];
    foreach (['en', 'de'] as $language) {
        require PLUGINS . "/auth_mnet/lang/$language/auth_mnet.php";
        foreach ($collection->told as [$columns, $summary]) {
            same([], array_diff(array_merge(array_values($columns), [$summary]), array_keys($string)), $language);
        }
    }
}

function test_who_was_away_is_found_in_their_own_place() {
    begin_visits();
    foreach ([1 => [1], 2 => [2, 2], 3 => []] as $userid => $places) {
        same($places, array_column(provider::get_contexts_for_userid($userid)->contexts, 'instanceid'));
        provider::get_users_in_context($list = new userlist(context_user::instance($userid)));
        same(array_values(array_unique($places)), $list->userids);
    }
    provider::get_users_in_context($list = new userlist(context_system::instance()));
    same([], $list->userids);
}

function test_visits_are_handed_out_without_their_tokens() {
    begin_visits();
    provider::export_user_data(visitor(2));
    $visits = writer::$out['pluginname']->visits;
    same(['https://a.example', 'https://b.example'], array_column($visits, 'wwwroot'));
    same(['at 100', 'at 200'], array_column($visits, 'expires'));
    same(['bert'], array_values(array_unique(array_column($visits, 'username'))));
    holds(strpos(json_encode(writer::$out), 'bert1') === false);
    writer::$out = [];
    provider::export_user_data(visitor(2, 1));
    same([], writer::$out, 'not out of another one\'s place');
}

function test_only_what_is_theirs_is_deleted() {
    begin_visits();
    provider::delete_data_for_user(visitor(1, 2));
    provider::delete_data_for_users(new approved_userlist(context_user::instance(2), [1]));
    provider::delete_data_for_users(new approved_userlist(context_system::instance(), [1, 2]));
    provider::delete_data_for_all_users_in_context(context_system::instance());
    same([1, 2, 2], visits_left());
    provider::delete_data_for_user(visitor(1));
    same([2, 2], visits_left());
    provider::delete_data_for_users(new approved_userlist(context_user::instance(2), [2]));
    same([], visits_left());
    begin_again();
    provider::delete_data_for_all_users_in_context(context_user::instance(2));
    same([1], visits_left());
}

function begin_again(): void {
    reset_moodle();
    begin_visits();
}
