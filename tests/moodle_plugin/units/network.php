<?php
// A Moodle in a network: its hosts, its sessions, and what other sites answer.

namespace core\session {
    /** Sessions, as far as they are there or not. */
    class manager {
        /** @var string[] whose, by id */
        public static $sessions = [];
        /** @var string[] those that were to go on */
        public static $touched = [];

        public static function session_exists($id) {
            return isset(self::$sessions[$id]);
        }

        public static function touch_session($id) {
            self::$touched[] = $id;
        }

        public static function destroy(string $id) {
            unset(self::$sessions[$id]);
        }

        public static function destroy_user_sessions($userid) {
            self::$sessions = array_diff(self::$sessions, [$userid]);
        }

        public static function is_loggedinas() {
            return false;
        }
    }
}

namespace {
    use core\session\manager;

    define('CLI_SCRIPT', false);

    class mnet_peer {
        public $id;
        public $wwwroot;
        public $name;
        public $deleted;
        public $application;
        public $applicationid;
        public $last_log_id;

        public function set_id($id) {
            return $this->found(['id' => $id]);
        }

        public function set_wwwroot($wwwroot) {
            return $this->found(['wwwroot' => $wwwroot]);
        }

        private function found(array $where) {
            global $DB;
            $row = $DB->get_record('mnet_host', $where);
            foreach ($row ? (array) $row : [] as $name => $value) {
                $this->$name = $value;
            }
            $this->application = (object) ['sso_land_url' => '/auth/mnet/land.php'];
            return (bool) $row;
        }
    }

    /** Other sites: what they are asked, and what they answer. */
    class mnet_xmlrpc_client {
        /** @var array what was called, as [wwwroot, function, parameters] */
        public static $calls = [];
        /** @var int[] seconds that each was given */
        public static $timeouts = [];
        /** @var callable[] by function */
        public static $answers = [];

        public $error = [];
        public $response;

        private $function;
        private $params = [];

        public function __construct() {
        }

        public function set_timeout($seconds) {
            self::$timeouts[] = $seconds;
        }

        public function set_method($path) {
            $this->function = basename($path);
        }

        public function add_param($value, $type) {
            $this->params[] = $value;
        }

        public function send($peer) {
            self::$calls[] = [$peer->wwwroot, $this->function, $this->params];
            $answer = self::$answers[$this->function] ?? null;
            $this->response = $answer ? $answer(...$this->params) : true;
            if (is_string($this->response)) {
                $this->error[] = $this->response;
            } else if (is_array($this->response) && isset($this->response['faultCode'])) {
                $this->error[] = "{$this->response['faultCode']} : {$this->response['faultString']}";
            }
            return !$this->error;
        }
    }

    class network {
        const TABLES = [
            'user' => "username, mnethostid INT DEFAULT 1, deleted INT DEFAULT 0, suspended INT DEFAULT 0,
                firstname DEFAULT 'A', password DEFAULT 'hash', secret DEFAULT 's', lastaccess INT DEFAULT 0, picture INT DEFAULT 0",
            'mnet_host' => 'wwwroot, name, deleted INT DEFAULT 0, applicationid INT DEFAULT 1, last_log_id INT DEFAULT 0',
            'mnet_application' => 'name, sso_jump_url',
            'mnet_service' => 'name',
            'mnet_host2service' => 'hostid INT, serviceid INT, publish INT, subscribe INT',
            'mnet_session' => 'userid INT, username, token UNIQUE, mnethostid INT, useragent, confirm_timeout INT,
                session_id, expires INT',
            'mnet_sso_access_control' => 'username, mnet_host_id INT, accessctrl',
        ];

        /** Make the tables; host 1 is here, 2 all hosts, 3 and 4 two sites with both services. */
        public static function begin() {
            global $CFG, $DB;
            foreach (self::TABLES as $table => $columns) {
                $DB->get_manager()->table_exists($table)
                    || $DB->run("CREATE TABLE {{$table}} (id INTEGER PRIMARY KEY, $columns)");
            }
            $CFG->mnet_all_hosts_id = 2;
            $CFG->sessiontimeout = 7200;
            $CFG->dirroot = sys_get_temp_dir() . '/moodle-' . getmypid();
            foreach (['lib', 'peer', 'xmlrpc/client', 'xmlrpc/serverlib'] as $file) {
                $folder = dirname("$CFG->dirroot/mnet/$file");
                is_dir($folder) || mkdir($folder, 0700, true);
                touch("$CFG->dirroot/mnet/$file.php");
            }
            $DB->insert_record('mnet_application', ['name' => 'moodle', 'sso_jump_url' => '/auth/mnet/jump.php']);
            foreach ([$CFG->wwwroot, '', 'https://a.example', 'https://b.example'] as $wwwroot) {
                $DB->insert_record('mnet_host', ['wwwroot' => $wwwroot, 'name' => $wwwroot]);
            }
            foreach (['sso_idp', 'sso_sp'] as $serviceid => $name) {
                $DB->insert_record('mnet_service', ['name' => $name]);
                foreach ([3, 4] as $hostid) {
                    $of = ['hostid' => $hostid, 'serviceid' => $serviceid + 1];
                    $DB->insert_record('mnet_host2service', $of + ['publish' => 1, 'subscribe' => 1]);
                }
            }
            manager::$sessions = [];
            manager::$touched = [];
            mnet_xmlrpc_client::$calls = [];
            mnet_xmlrpc_client::$answers = [];
        }

        /** Somebody; of another site when it says so. */
        public static function user(string $name, int $hostid = 1, array $more = []) {
            global $DB;
            $id = $DB->insert_record('user', $more + ['username' => $name, 'mnethostid' => $hostid, 'lastaccess' => time()]);
            return $DB->get_record('user', ['id' => $id]);
        }

        /** Let the present session be one of somebody's. */
        public static function session(string $id, string $userid) {
            session_id($id);
            manager::$sessions[$id] = $userid;
        }

        /** Let a site call. */
        public static function calls(int $hostid) {
            $peer = new mnet_peer();
            $peer->set_id($hostid);
            $GLOBALS['MNET_CALLER'] = $peer;
        }
    }

    function get_mnet_environment() {
        return (object) ['wwwroot' => $GLOBALS['CFG']->wwwroot];
    }

    function mnet_fields_to_send($peer) {
        return ['username', 'firstname', 'password', 'secret'];
    }

    function mnet_strip_user($user, $fields) {
        return array_intersect_key($user, array_flip($fields));
    }

    function enrol_get_users_courses($userid, $onlyactive) {
        return [];
    }

    function mnet_debug($text) {
    }

    register_shutdown_function(function () {
        $folder = sys_get_temp_dir() . '/moodle-' . getmypid();
        array_map('unlink', array_merge(glob("$folder/mnet/*.php"), glob("$folder/mnet/xmlrpc/*.php")));
        array_map('rmdir', array_filter(["$folder/mnet/xmlrpc", "$folder/mnet", $folder], 'is_dir'));
    });
}
