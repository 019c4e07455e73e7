<?php
// Connect's steps one after the other, and their undo: afterwards all is as it was before.

use local_schooltool\local\connect\auth;
use local_schooltool\local\connect\plan;
use local_schooltool\local\connect\removal;
use local_schooltool\local\connect\state;
use local_schooltool\local\connect\target;

const SERVER = 'https://sis.example.org';

define('CAP_ALLOW', 1);
define('PARAM_PEM', 'pem');

function get_string($name, $component = '', $a = null) {
    return $name;
}

function s($text) {
    return $text;
}

function userdate($time, $format = '') {
    return (string) $time;
}

function clean_param($value, $type) {
    return $value;
}

function unset_config($name, $component = 'core') {
    unset(settings::$of[$component][$name]);
}

function exists_auth_plugin($name) {
    return true;
}

function is_enabled_auth($name) {
    global $CFG;
    return in_array($name, explode(',', $CFG->auth));
}

function add_to_config_log() {
}

function check_dir_exists($folder) {
    return is_dir($folder) || mkdir($folder, 0700, true);
}

function theme_reset_all_caches() {
}

function get_roles_for_contextlevels($level) {
    return [1];
}

function get_all_roles() {
    return [1 => (object) ['id' => 1, 'archetype' => 'manager'], 7 => (object) ['id' => 7, 'archetype' => 'user']];
}

function role_fix_names(array $roles) {
    foreach ($roles as $role) {
        $role->localname = $role->archetype;
    }
    return $roles;
}

function get_roles_with_capability($capability, $permission, $context) {
    global $DB;
    return $DB->get_records_sql('SELECT roleid FROM {role_capabilities} WHERE capability = ? ORDER BY roleid', [$capability]);
}

function assign_capability($capability, $permission, $roleid, $contextid, $overwrite) {
    global $DB;
    $DB->insert_record('role_capabilities', ['capability' => $capability, 'roleid' => $roleid]);
}

function unassign_capability($capability, $roleid, $contextid) {
    global $DB;
    $DB->delete_records('role_capabilities', ['capability' => $capability, 'roleid' => $roleid]);
}

function get_mnet_environment() {
    return new mnet_environment();
}

function mnet_get_hostname_from_uri($uri) {
    return 'localhost';
}

function mnet_get_public_key($uri, $application) {
    return $GLOBALS['ANSWERED'];
}

/** A key for an address, and its certificate. */
function certificate_for(string $name): string {
    $key = openssl_pkey_new(['private_key_bits' => 2048]);
    $request = openssl_csr_new(['commonName' => $name], $key, ['digest_alg' => 'sha256']);
    openssl_x509_export(openssl_csr_sign($request, null, $key, 1, ['digest_alg' => 'sha256']), $pem);
    return $pem;
}

class mnet_environment {
    public function replace_keys() {
        global $CFG;
        set_config('openssl', certificate_for($CFG->wwwroot) . '@@@@@@@@key', 'mnet');
    }
}

class mnet_peer {
    const SSL_NONE = 0;
    const SSL_HOST_AND_PEER = 2;
    public $id = 0;
    public $application;
    public $wwwroot, $name, $ip_address, $public_key, $public_key_expires, $deleted, $applicationid, $sslverification;

    public function set_id($id) {
        global $DB;
        foreach ($DB->get_record('mnet_host', ['id' => $id]) as $name => $value) {
            $this->$name = $value;
        }
    }

    public function check_credentials($pem) {
        return openssl_x509_parse($pem);
    }

    public function commit() {
        global $DB;
        $row = array_diff_key(get_object_vars($this), ['application' => 0]);
        if ($this->id) {
            $DB->update_record('mnet_host', $row);
        } else {
            $this->id = $DB->insert_record('mnet_host', array_diff_key($row, ['id' => 0]));
        }
        return true;
    }

    public function delete() {
        $this->deleted = 1;
        return $this->commit();
    }
}

class context_system {
    public $id = 1;

    public static function instance() {
        return new self();
    }
}

class core_component {
    public static function get_plugin_directory($type, $name) {
        return null;
    }
}

class core_plugin_manager {
    public static function reset_caches() {
    }

    public static function gc() {
    }
}

class_alias('core_plugin_manager', 'core\session\manager');

/** A Moodle of before Connect, as its tables and settings are. */
function fresh_moodle(): target {
    global $CFG, $DB;
    static $folder;
    if (!$folder) {
        $folder = sys_get_temp_dir() . '/connect_' . getmypid();
        check_dir_exists("$folder/mnet");
        touch("$folder/mnet/lib.php");
        register_shutdown_function(function () use ($folder) {
            array_map('unlink', array_merge(glob("$folder/mnet/*"), glob("$folder/pix/i/*")));
            array_map('rmdir', array_filter(["$folder/pix/i", "$folder/pix", "$folder/mnet", $folder], 'is_dir'));
        });
    }
    $CFG->dirroot = $CFG->dataroot = $folder;
    $CFG->branch = 501;
    $CFG->wwwroot = 'https://moodle.example.org';
    $CFG->defaultuserroleid = 7;
    $CFG->mnet_localhost_id = 1;
    $CFG->mnet_all_hosts_id = 2;
    $CFG->config_php_settings = [];
    set_config('auth', 'email', 'core');
    set_config('mnet_dispatcher_mode', 'off', 'core');
    set_config('customusermenuitems', "profile,moodle|/user/profile.php", 'core');
    set_config('version', '1', 'auth_mnet');
    $tables = [
        'mnet_host' => 'wwwroot, name, ip_address, public_key, public_key_expires INT, deleted INT DEFAULT 0, applicationid INT DEFAULT 1,
            sslverification INT',
        'mnet_application' => 'name, display_name, xmlrpc_server_url, sso_land_url, sso_jump_url',
        'mnet_service' => 'name, offer INT', 'mnet_rpc' => "enabled INT, plugintype, pluginname",
        'mnet_remote_rpc' => 'enabled INT, plugintype, pluginname',
        'mnet_service2rpc' => 'serviceid INT, rpcid INT', 'mnet_remote_service2rpc' => 'serviceid INT, rpcid INT',
        'mnet_host2service' => 'hostid INT, serviceid INT, publish INT, subscribe INT',
        'mnet_session' => 'mnethostid INT', 'mnet_log' => 'hostid INT', 'mnet_sso_access_control' => 'mnet_host_id INT',
        'user' => 'mnethostid INT', 'block' => 'name, visible INT', 'block_instances' => 'blockname',
        'role_capabilities' => 'capability, roleid INT', 'config_plugins' => 'plugin',
        'local_schooltool_peer' => 'hostid INT, enabled INT, name, fingerprint, failures INT, downuntil INT, lasterror,
            timecreated INT, timemodified INT',
        'local_schooltool_outbox' => 'hostid INT', 'local_schooltool_refused' => 'hostid INT',
    ];
    foreach ($tables as $table => $columns) {
        $DB->run("CREATE TABLE {{$table}} (id INTEGER PRIMARY KEY, $columns)");
    }
    $DB->insert_record('mnet_host', ['wwwroot' => $CFG->wwwroot, 'public_key' => '', 'public_key_expires' => 0]);
    $DB->insert_record('mnet_host', ['wwwroot' => '', 'name' => 'All Hosts']);
    $DB->insert_record('mnet_application', ['name' => 'moodle']);
    foreach (['schooltool' => 'local', 'sso_idp' => 'auth', 'sso_sp' => 'auth'] as $service => $type) {
        $method = $DB->insert_record('mnet_rpc', ['enabled' => 1, 'plugintype' => $type, 'pluginname' => 'schooltool']);
        $id = $DB->insert_record('mnet_service', ['name' => $service, 'offer' => 1]);
        $DB->insert_record('mnet_service2rpc', ['serviceid' => $id, 'rpcid' => $method]);
    }
    $target = new target(SERVER);
    $target->certificate = certificate_for(SERVER);
    $target->compared = openssl_x509_fingerprint($target->certificate, 'sha256');
    $target->sitename = 'Hill School';
    $GLOBALS['ANSWERED'] = $target->certificate;
    return $target;
}

/** All that Connect may change. */
function all_of_it(): string {
    global $CFG, $DB;
    $rows = [];
    foreach (['mnet_host', 'mnet_application', 'mnet_host2service', 'role_capabilities', 'local_schooltool_peer'] as $table) {
        $rows[$table] = $DB->get_records($table);
    }
    $settings = settings::$of;
    unset($settings['local_schooltool']['wwwroot'], $settings['core']);
    $menu = [$CFG->auth, $CFG->mnet_dispatcher_mode, $CFG->customusermenuitems];
    return json_encode([$rows, array_filter($settings), $menu, glob($CFG->dataroot . '/pix/i/*')]);
}

function states(target $target): array {
    $states = [];
    foreach (plan::steps() as $name => $step) {
        if (!$step->only_looks()) {
            $states[$name] = $step->state($target)->status;
        }
    }
    return $states;
}

function test_all_steps_are_done_and_undone() {
    global $CFG;
    $target = fresh_moodle();
    $before = all_of_it();
    $names = array_keys(states($target));
    $results = plan::run($target, $names);
    same([], array_filter($results, function ($result) {
        return !$result['ok'];
    }));
    $after = states($target);
    // A Moodle of 5 has no remote enrolment, and none is missed.
    same(state::NOTE, $after['courses']);
    unset($after['courses']);
    same([state::DONE], array_values(array_unique($after)));
    same(['email,mnet', 'strict'], [$CFG->auth, $CFG->mnet_dispatcher_mode]);
    same([], plan::run($target, $names), 'a second time there is nothing to do:');
    plan::undo($target, plan::own_of($target));
    same($before, all_of_it());
}

function test_only_the_chosen_steps_are_done() {
    $target = fresh_moodle();
    plan::run($target, ['roam']);
    $target->forget_host();
    plan::keep_choice($target, ['roam']);
    $done = array_keys(states($target), state::DONE);
    same(['networking', 'key', 'application', 'peer', 'events', 'roam'], $done);
    same(['signon', 'auth', 'profile', 'shown'], plan::left_out($target));
}

function test_enrolling_from_there_is_chosen_only_when_somebody_does() {
    $target = fresh_moodle();
    plan::run($target, plan::chosen($target));
    same(false, in_array('courses', plan::chosen($target), true));
    same(true, in_array('signon', plan::chosen($target), true));
    // Who leaves nothing out has it not either the next time.
    plan::keep_choice($target, array_keys(plan::steps()));
    same(['courses'], array_values(array_diff(array_keys(plan::steps()), plan::chosen($target))));
}

function test_no_other_key_than_the_compared_one_is_believed() {
    global $DB;
    $target = fresh_moodle();
    $GLOBALS['ANSWERED'] = certificate_for(SERVER);
    $results = plan::run($target, []);
    same([false, 'local_schooltool/peer_notcompared'], array_values($results['peer']));
    holds(!isset($results['events']), 'what stands on it is not tried:');
    same(0, $DB->count_records('local_schooltool_peer'));
    same(2, $DB->count_records('mnet_host'));
    $target->compared = '';
    $GLOBALS['ANSWERED'] = $target->certificate;
    same('local_schooltool/peer_notcompared', plan::run($target, [])['peer']['message']);
}

function test_a_new_key_of_a_known_server_is_compared_too() {
    global $DB;
    $target = fresh_moodle();
    plan::run($target, []);
    $again = new target(SERVER);
    $again->sitename = 'Hill School';
    $again->certificate = $GLOBALS['ANSWERED'] = certificate_for(SERVER);
    $again->compared = $target->compared;
    same('local_schooltool/peer_notcompared', plan::run($again, [])['peer']['message']);
    $again->compared = openssl_x509_fingerprint($again->certificate, 'sha256');
    holds(plan::run($again, [])['peer']['ok']);
    same($again->certificate, $DB->get_field('mnet_host', 'public_key', ['wwwroot' => SERVER]));
}

function test_what_is_shared_stays_while_another_server_is_connected() {
    global $CFG;
    $target = fresh_moodle();
    plan::run($target, array_keys(plan::steps()));
    $other = new target('https://test.example.org');
    $other->certificate = $GLOBALS['ANSWERED'] = certificate_for($other->wwwroot);
    $other->sitename = 'Test School';
    $other->compared = openssl_x509_fingerprint($other->certificate, 'sha256');
    plan::run($other, array_keys(plan::steps()));
    plan::undo($other, plan::own_of($other));
    same([false, true], [$other->is_peer(), $target->is_peer()]);
    same([state::DONE, 'strict'], [states($target)['signon'], $CFG->mnet_dispatcher_mode]);
}

function test_a_server_is_not_asked_while_networking_is_off() {
    $target = fresh_moodle();
    plan::run($target, array_keys(plan::steps()));
    plan::undo($target, ['networking']);
    $state = plan::steps()['answer']->state($target);
    same([state::NOTE, 'answer_later'], [$state->status, $state->detail]);
}

function test_another_moodle_of_the_network_is_not_cut_off() {
    global $CFG, $DB;
    $target = fresh_moodle();
    plan::run($target, array_keys(plan::steps()));
    $DB->insert_record('mnet_host', ['wwwroot' => 'https://other.example.org', 'applicationid' => 1]);
    removal::all();
    same(['email,mnet', 'strict'], [$CFG->auth, $CFG->mnet_dispatcher_mode]);
    same(3, $DB->count_records('mnet_host'));
    holds(strpos($CFG->customusermenuitems, 'schooltool') === false);
}

function test_a_moodle_that_moved_is_connected_anew() {
    global $CFG;
    $target = fresh_moodle();
    plan::run($target, []);
    $CFG->wwwroot = 'https://new.example.org';
    same([state::OPEN, state::OPEN], [states($target)['key'], states($target)['peer']]);
    plan::run($target, []);
    same([state::DONE, state::DONE], [states($target)['key'], states($target)['peer']]);
    same('https://new.example.org', get_config('local_schooltool', 'wwwroot'));
}

function test_uninstalling_keeps_only_a_server_that_accounts_name() {
    global $DB;
    $target = fresh_moodle();
    plan::run($target, array_keys(plan::steps()));
    $DB->insert_record('user', ['mnethostid' => $target->hostid()]);
    removal::all();
    same(['1'], $DB->get_fieldset_select('mnet_host', 'deleted', 'wwwroot = ?', [SERVER]));
    foreach (['mnet_rpc', 'local_schooltool_peer', 'mnet_host2service'] as $table) {
        same(0, $DB->count_records_select($table, "1 = 1") - ($table === 'mnet_rpc' ? 2 : 0), $table);
    }
    same(['sso_idp', 'sso_sp'], $DB->get_fieldset_select('mnet_service', 'name', '1 = 1'));
    same(['moodle'], $DB->get_fieldset_select('mnet_application', 'name', '1 = 1'));
}
