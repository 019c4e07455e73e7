<?php
// Who is where, and how a visit ends on both sides.

use auth_mnet\local\alive;
use auth_mnet\local\courses;
use auth_mnet\local\going;
use auth_mnet\local\hosts;
use auth_mnet\local\landing;
use auth_mnet\local\leaving;
use auth_mnet\local\visits;
use core\session\manager;

require __DIR__ . '/network.php';

function visitors(): array {
    global $DB;
    return array_values(array_map(function ($row) {
        return $row->session_id;
    }, $DB->get_records('mnet_session')));
}

function test_a_token_is_good_once_for_one_site_and_one_browser() {
    network::begin();
    $ana = network::user('ana');
    network::session('s1', $ana->id);
    $token = visits::leave($ana, 3, 'agent', 30);
    holds(preg_match('~^[0-9a-f]{40}$~', $token));
    same(null, visits::take($token, 'agent', 4), 'another site');
    same(null, visits::take($token, 'another', 3), 'another browser');
    same(null, visits::take('', 'agent', 3));
    same(null, visits::take(['x'], 'agent', 3));
    holds(!visits::were($ana->id, 3, 'agent'));
    same($ana->id, visits::take($token, 'agent', 3)->userid);
    same(null, visits::take($token, 'agent', 3), 'used');
    holds(visits::were($ana->id, 3, 'agent'));
    // A second jump in the same session has a token of its own and no second row.
    $again = visits::leave($ana, 3, 'agent', 30);
    holds($again !== $token);
    same(['s1'], visitors());
}

function test_a_site_is_told_who_came_and_no_secret() {
    global $DB;
    network::begin();
    network::calls(3);
    $ana = network::user('ana');
    $token = visits::leave($ana, 3, 'agent', 30);
    same([
        'username' => 'ana', 'firstname' => 'A', 'auth' => 'mnet', 'wwwroot' => 'https://moodle.example',
        'session.gc_maxlifetime' => '7200', 'myhosts' => [],
    ], going::authorise($token, 'agent'));
    $fault = function ($code, $token) {
        refused($code, function () use ($token) {
            going::authorise($token, 'agent');
        });
    };
    $fault(1, $token);
    $fault(2, visits::leave($ana, 3, 'agent', -1));
    $token = visits::leave($ana, 3, 'agent', 30);
    $DB->set_field('user', 'suspended', 1, ['id' => $ana->id]);
    $fault(3, $token);
}

function test_a_second_visit_is_the_one_that_ends() {
    network::begin();
    $ana = network::user('ana', 3);
    network::session('first', $ana->id);
    visits::arrive($ana, 3, 'agent');
    // Signing in again ends the session before and begins another.
    manager::destroy('first');
    network::session('second', $ana->id);
    visits::arrive($ana, 3, 'agent');
    same(['second'], visitors());
    // The same browser on another computer of the school.
    network::session('elsewhere', $ana->id);
    visits::arrive($ana, 3, 'agent');
    same(false, leaving::end_visit('ana', 'agent', 4), 'not of that site');
    same(false, leaving::end_visit('ana', 'another', 3));
    same(true, leaving::end_visit('ana', 'agent', 3));
    same([], manager::$sessions);
    same([], visitors());
    same(false, leaving::end_visit('ana', 'agent', 3));
}

function test_a_site_cannot_end_the_way_of_one_of_ours_to_it_as_a_visit_here() {
    network::begin();
    $ana = network::user('ana');
    network::session('s1', $ana->id);
    visits::leave($ana, 3, 'agent', 30);
    same(false, leaving::end_visit('ana', 'agent', 3));
    same(['s1' => $ana->id], manager::$sessions);
}

function test_signing_out_here_ends_the_visits_elsewhere() {
    network::begin();
    $ana = network::user('ana');
    network::session('s1', $ana->id);
    visits::leave($ana, 3, 'agent', 30);
    visits::leave($ana, 4, 'agent', 30);
    visits::leave($ana, 4, 'another', 30);
    leaving::end_visits('ana', 'agent', null);
    same([
        ['https://a.example', 'kill_child', ['ana', 'agent']], ['https://b.example', 'kill_child', ['ana', 'agent']],
    ], mnet_xmlrpc_client::$calls);
    same(1, count(visitors()), 'another browser stays');
    same(['s1' => $ana->id], manager::$sessions, 'Moodle itself ends this one');
}

function test_signing_out_elsewhere_ends_all_but_only_for_who_was_there() {
    network::begin();
    $ana = network::user('ana');
    network::session('s1', $ana->id);
    visits::leave($ana, 4, 'agent', 30);
    leaving::end_visits('ana', 'agent', 3);
    same([['s1' => $ana->id], ['s1'], []], [manager::$sessions, visitors(), mnet_xmlrpc_client::$calls], 'never at 3');
    visits::leave($ana, 3, 'agent', 30);
    mnet_xmlrpc_client::$answers['kill_child'] = function () {
        return '8 : cURL error';
    };
    leaving::end_visits('ana', 'agent', 3);
    same([['https://b.example', 'kill_child', ['ana', 'agent']]], mnet_xmlrpc_client::$calls, 'not the caller');
    same([[], []], [manager::$sessions, visitors()]);
    holds(is_string(leaving::end_visits(['x'], 'agent', 3)));
}

function test_home_is_told_when_a_visitor_signs_out() {
    network::begin();
    $ana = network::user('ana', 3);
    same(true, leaving::tell_home($ana, 'agent'));
    same([], mnet_xmlrpc_client::$calls, 'was not here by the network');
    network::session('s1', $ana->id);
    visits::arrive($ana, 3, 'agent');
    same(true, leaving::tell_home($ana, 'agent'));
    same([['https://a.example', 'kill_children', ['ana', 'agent']]], mnet_xmlrpc_client::$calls);
    same([], visitors());
}

function test_only_sessions_that_are_there_go_on() {
    network::begin();
    foreach (['ana' => 's1', 'bea' => 's2', 'cem' => 's3'] as $name => $session) {
        $user = network::user($name);
        network::session($session, $user->id);
        visits::leave($user, $name === 'cem' ? 4 : 3, 'agent', 30);
    }
    manager::destroy('s2');
    same(['bea', 'cem', 'nobody'], alive::prolong(['ana', 'bea', 'cem', 'nobody'], 3));
    same(['s1'], manager::$touched);
}

function test_homes_are_told_of_their_people_who_are_here() {
    global $DB;
    network::begin();
    $when = ['ana' => time(), 'bea' => time() - 3600, 'dan' => time()];
    foreach ($when as $name => $time) {
        $user = network::user($name, $name === 'dan' ? 4 : 3, ['lastaccess' => $time]);
        network::session("of $name", $user->id);
        visits::arrive($user, $user->mnethostid, 'agent');
    }
    mnet_xmlrpc_client::$answers['keepalive_server'] = function () {
        return 'Invalid signature';
    };
    ob_start();
    alive::tell(4);
    same([['https://b.example', 'keepalive_server', [['dan']]]], mnet_xmlrpc_client::$calls);
    $DB->delete_records('mnet_host2service', ['hostid' => 4]);
    unset(mnet_xmlrpc_client::$answers['keepalive_server']);
    alive::tell(null);
    ob_end_clean();
    same(['https://a.example', 'keepalive_server', [['ana']]], mnet_xmlrpc_client::$calls[1]);
    same(2, count(mnet_xmlrpc_client::$calls));
}

function test_the_list_of_who_may_come() {
    global $DB;
    network::begin();
    same(true, landing::may_come('ana', 3));
    $DB->insert_record('mnet_sso_access_control', ['username' => 'ana', 'mnet_host_id' => 2, 'accessctrl' => 'deny']);
    same(false, landing::may_come('ana', 3), 'denied for all hosts');
    $DB->insert_record('mnet_sso_access_control', ['username' => 'ana', 'mnet_host_id' => 3, 'accessctrl' => 'allow']);
    same([true, false], [landing::may_come('ana', 3), landing::may_come('ana', 4)]);
}

function test_only_sites_that_are_ticked_for_it() {
    global $DB;
    network::begin();
    same([3, 4], array_keys(hosts::providers()));
    same([3, 4], array_keys(hosts::destinations()));
    $DB->set_field('mnet_host2service', 'publish', 0, ['hostid' => 3, 'serviceid' => 2]);
    same([[4], [3, 4]], [array_keys(hosts::providers()), array_keys(hosts::destinations())]);
    $DB->insert_record('mnet_host2service', ['hostid' => 2, 'serviceid' => 2, 'publish' => 1, 'subscribe' => 0]);
    same([3, 4], array_keys(hosts::providers()), 'ticked for all hosts');
    $DB->set_field('mnet_host', 'deleted', 1, ['id' => 4]);
    same([[3], null], [array_keys(hosts::providers()), hosts::by_id(4)]);
    same([null, null, null], [hosts::by_id(1), hosts::by_id(2), hosts::by_wwwroot('')], 'this site, all hosts, nobody');
    same('3', hosts::by_wwwroot('https://a.example')->id);
}

function test_courses_elsewhere_are_heard_without_the_tables_that_moodle_lost() {
    network::begin();
    $ana = network::user('ana');
    $peer = hosts::by_id(3);
    same(false, courses::take_in('ana', [], $peer), 'never there');
    visits::leave($ana, 3, 'agent', 30);
    same(true, courses::take_in('ana', [], $peer));
    same(true, courses::take_in('ana', [['id' => 1, 'fullname' => 'x']], $peer));
    same([false, false], [courses::take_in('ana', 'x', $peer), courses::take_in('', [], $peer)]);
}
