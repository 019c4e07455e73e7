<?php
// What Moodle's privacy subsystem hands to a plugin and takes from it, as far as ours use it.

namespace core_privacy\local\metadata {
    class collection {
        /** @var array[] by table or place: columns, what they are called, what it is called */
        public $told = [];

        public function add_database_table($name, $columns, $summary) {
            $this->told[$name] = [$columns, $summary];
        }

        public function add_external_location_link($name, $fields, $summary) {
            $this->told[$name] = [$fields, $summary];
        }
    }

    interface provider {
    }
}

namespace core_privacy\local\request {
    interface core_userlist_provider {
    }

    class contextlist {
        public $contexts = [];

        public function add_system_context() {
            $this->contexts[] = new \context_system();
        }

        public function add_from_sql($sql, $params) {
            global $DB;
            foreach ($DB->get_fieldset_sql($sql, $params) as $id) {
                $this->add_user_context((int) $DB->get_field('context', 'instanceid', ['id' => $id]));
            }
        }

        public function add_user_context($userid) {
            $this->contexts[] = new \context_user($userid);
        }

        public function get_contexts() {
            return $this->contexts;
        }
    }

    class approved_contextlist extends contextlist {
        private $user;

        public function __construct($user, array $contexts) {
            [$this->user, $this->contexts] = [$user, $contexts];
        }

        public function get_user() {
            return $this->user;
        }

        public function count() {
            return count($this->contexts);
        }
    }

    class userlist {
        public $userids = [];
        private $context;

        public function __construct($context, array $userids = []) {
            [$this->context, $this->userids] = [$context, $userids];
        }

        public function get_context() {
            return $this->context;
        }

        public function add_user($userid) {
            $this->add_users([$userid]);
        }

        public function add_users(array $userids) {
            $this->userids = array_values(array_unique(array_merge($this->userids, array_map('intval', $userids))));
        }

        public function add_from_sql($field, $sql, $params) {
            global $DB;
            $this->add_users(array_column(array_map('get_object_vars', iterator_to_array($DB->get_recordset_sql($sql, $params), false)), $field));
        }

        public function get_userids() {
            return $this->userids;
        }
    }

    class approved_userlist extends userlist {
    }

    class transform {
        public static function datetime($time) {
            return "at $time";
        }
    }

    class writer {
        /** @var array what was handed out, by the last part of its path */
        public static $out = [];

        public static function with_context($context) {
            return new self();
        }

        public function export_data(array $path, $data) {
            self::$out[end($path)] = $data;
        }
    }
}

namespace core_privacy\local\request\plugin {
    interface provider {
    }
}

namespace {
    define('CONTEXT_USER', 30);

    class context {
    }

    class context_system extends context {
        public static function instance() {
            return new self();
        }
    }

    class context_user extends context {
        public $instanceid;

        public function __construct($userid) {
            $this->instanceid = $userid;
        }

        public static function instance($userid) {
            return new self($userid);
        }
    }

    function get_string($name, $component = '') {
        return $name;
    }
}
