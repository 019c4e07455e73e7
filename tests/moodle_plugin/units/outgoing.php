<?php
// A Moodle that is connected with two servers of ours, which answer as a test wants.

namespace core\lock {
    class lock {
        public function release() {
            lock_config::$taken = false;
        }
    }

    class lock_config {
        /** @var bool whether somebody has the only lock there is */
        public static $taken = false;

        public static function get_lock_factory($type) {
            return new self();
        }

        public function get_lock($resource, $timeout, $lifetime) {
            if (self::$taken) {
                return false;
            }
            self::$taken = true;
            return new lock();
        }
    }
}

namespace {
    require_once __DIR__ . '/school.php';
    require_once __DIR__ . '/network.php';

    use core\lock\lock_config;
    use local_schooltool\local\doubles;
    use local_schooltool\local\outbox;

    class outgoing {
        /** Servers 3 and 4 (https://a.example, https://b.example) are told, unless only some are. */
        public static function begin(int ...$hosts): void {
            global $CFG, $DB;
            school::begin();
            network::begin();
            doubles::forget();
            $CFG->mnet_dispatcher_mode = 'strict';
            set_config('wwwroot', $CFG->wwwroot, 'local_schooltool');
            foreach ($hosts ?: [3, 4] as $host) {
                $DB->insert_record('local_schooltool_peer', ['hostid' => $host]);
            }
            outbox::forget_peers();
            lock_config::$taken = false;
            mnet_xmlrpc_client::$timeouts = [];
            self::answers(function () {
                return ['status' => 'created', 'id' => '1', 'message' => ''];
            });
        }

        /** Let servers answer each event: by a function of its name and its data. */
        public static function answers(callable $to): void {
            $single = [];
            foreach (['fetch_user', 'new_section', 'new_enrolment', 'new_assessment', 'new_grade', 'delete_grade'] as $name) {
                $single[$name] = function ($data) use ($name, $to) {
                    $answer = $to($name, $data);
                    $isfault = ($answer['status'] ?? '') === 'failed';
                    return $isfault ? ['faultCode' => $answer['fault'], 'faultString' => $answer['message']] : $answer;
                };
            }
            $many = ['push_events' => function (array $events) use ($to) {
                return array_map(function ($event) use ($to) {
                    return $to($event['event'], $event['data']);
                }, $events);
            }];
            mnet_xmlrpc_client::$answers = $single + $many;
        }

        /** Let every call end like this. */
        public static function end(callable $answer): void {
            mnet_xmlrpc_client::$answers = array_fill_keys(array_keys(mnet_xmlrpc_client::$answers), $answer);
        }

        /** Note that something is there to be told: a course that is gone, whose name is kept. */
        public static function note(int $course, int $host = 3, string $name = 'new_section', int $time = 1000): int {
            global $DB;
            $kept = ['events' => [[$name, ['idnumber' => "C$course", 'name' => "C$course", 'timemodified' => $time]]]];
            return $DB->insert_record(outbox::TABLE, ['hostid' => $host, 'kind' => 'section', 'objectid' => $course,
                'relatedid' => 0, 'snapshot' => json_encode($kept), 'timecreated' => $time]);
        }

        /** What was called since the last time: server, function, what it was about. */
        public static function called(): array {
            $calls = array_map(function ($call) {
                [$wwwroot, $function, [$param]] = $call;
                $about = array_map(function ($data) {
                    return $data['idnumber'] ?? $data['userid'] ?? '';
                }, $function === 'push_events' ? array_column($param, 'data') : [$param]);
                return [$wwwroot[8], $function, implode(' ', $about)];
            }, mnet_xmlrpc_client::$calls);
            mnet_xmlrpc_client::$calls = [];
            return $calls;
        }

        /** The ids of the courses that wait, for one server. */
        public static function waiting(int $host = 3): string {
            global $DB;
            return implode(' ', $DB->get_fieldset_select(outbox::TABLE, 'objectid', 'hostid = ? ORDER BY id', [$host]));
        }

        /** What a server refused: course, call, fault. */
        public static function refused(int $host = 3): array {
            global $DB;
            return array_map(function ($row) {
                return [(int) $row->objectid, $row->event, (int) $row->code];
            }, array_values($DB->get_records('local_schooltool_refused', ['hostid' => $host])));
        }

        /** What is known of a server. */
        public static function server(int $host = 3): stdClass {
            global $DB;
            return $DB->get_record('local_schooltool_peer', ['hostid' => $host]);
        }

        /** Let the time be over for which servers are left alone. */
        public static function later(): void {
            global $DB;
            $DB->set_field_select('local_schooltool_peer', 'downuntil', 0, '1 = 1');
        }
    }
}
