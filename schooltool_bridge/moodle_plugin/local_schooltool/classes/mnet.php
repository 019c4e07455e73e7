<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool;

use local_schooltool\local\read;
use local_schooltool\local\refusal;
use local_schooltool\local\scope;
use local_schooltool\local\sender;
use local_schooltool\local\text;
use local_schooltool\local\walk;

/**
 * What a SchoolTool may ask this Moodle, by MNet (db/mnet.php).
 *
 * Moodle makes an object for each call. Nothing may be typed here: whatever the other side sends comes in.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class mnet {
    /**
     * Everything that a user is enrolled in, as new_enrolment tells it.
     *
     * @param array $user idnumber, username
     * @return array
     */
    public function list_user_enrolments($user = []) {
        return $this->answered('sendenrolments', 'enrolments', function () use ($user) {
            return read\enrolments::of_user((int) $this->wanted($user)->id);
        });
    }

    /**
     * A user, as fetch_user tells it.
     *
     * @param array $user idnumber, username
     * @return array
     */
    public function get_user($user = []) {
        return $this->answered('sendusers', 'users', function () use ($user) {
            return read\users::one((int) $this->wanted($user)->id);
        });
    }

    /**
     * Everything of a kind, a page of it at a time.
     *
     * @param string $entity users, sections, enrolments, assessments, grades
     * @param string $cursor empty for the beginning, then the last answer's next
     * @param int $limit items wanted, 1 to 1000
     * @return array items, next, count, taken_at, scope, complete
     */
    public function full_sync($entity = '', $cursor = '', $limit = walk::MOST) {
        return $this->answered('', '', function () use ($entity, $cursor, $limit) {
            // What is no number becomes 0, which is refused.
            $number = is_numeric($limit) ? (int) $limit : 0;
            return walk::page($this->word($entity), $this->word($cursor), $number);
        });
    }

    /**
     * What stands here.
     *
     * @return array
     */
    public function site_info() {
        return $this->answered('', '', function () {
            global $CFG, $SITE;
            $plugin = get_config('local_schooltool');
            $about = \core_plugin_manager::instance()->get_plugin_info('local_schooltool');
            return [
                'wwwroot' => $CFG->wwwroot,
                'name' => text::line($SITE->fullname),
                'moodle' => text::line($CFG->release),
                'moodle_version' => (string) $CFG->version,
                'plugin' => $about ? (string) $about->release : '',
                'plugin_version' => (string) ($plugin->version ?? ''),
                'entities' => walk::entities(),
                'scope' => scope::name(),
                'grade_history' => empty($CFG->disablegradehistory),
                'sign_on' => is_enabled_auth('mnet'),
                'time' => time(),
            ];
        });
    }

    /**
     * Whom a question is about.
     *
     * @param mixed $user
     * @return \stdClass a row of {user}
     * @throws refusal
     */
    private function wanted($user): \stdClass {
        $user = is_array($user) ? $user : [];
        $idnumber = text::line($this->word($user['idnumber'] ?? ''));
        $username = text::line($this->word($user['username'] ?? ''));
        if ($idnumber === '' && $username === '') {
            throw new refusal(refusal::MALFORMED, 'fault_whom');
        }
        $found = read\users::find($idnumber, $username);
        if (!$found) {
            throw new refusal(refusal::UNKNOWN, 'fault_nobody', $idnumber === '' ? $username : $idnumber);
        }
        return $found;
    }

    /**
     * A text, whatever was sent.
     *
     * @param mixed $value
     * @return string
     */
    private function word($value): string {
        return is_scalar($value) ? (string) $value : '';
    }

    /**
     * Answer, or say by a fault of the SIS why not; never by one that Moodle makes up.
     *
     * @param string $setting which has to be on, empty for none
     * @param string $what it is about
     * @param callable $work
     * @return mixed
     */
    private function answered(string $setting, string $what, callable $work) {
        try {
            $this->check_caller();
            if ($setting !== '' && !scope::sends($setting)) {
                throw new refusal(refusal::OFF, 'fault_off', $what);
            }
            return $work();
        } catch (refusal $refusal) {
            throw new \mnet_server_exception($refusal->getCode(), $refusal->key, 'local_schooltool', $refusal->about);
        } catch (\Throwable $problem) {
            // A site in use logs no debugging.
            // phpcs:ignore moodle.PHP.ForbiddenFunctions.FoundWithAlternative
            error_log("local_schooltool: $problem");
            throw new \mnet_server_exception(refusal::LATER, 'fault_later', 'local_schooltool');
        }
    }

    /**
     * See that this Moodle is the one that was connected, and that the caller was not switched off.
     *
     * @throws refusal
     */
    private function check_caller(): void {
        global $CFG, $DB;
        $connected = get_config('local_schooltool', 'wwwroot');
        if ($connected && $connected !== $CFG->wwwroot) {
            throw new refusal(refusal::OFF, 'fault_moved', $connected);
        }
        $client = defined('MNET_SERVER') ? get_mnet_remote_client() : false;
        $enabled = $client ? $DB->get_field('local_schooltool_peer', 'enabled', ['hostid' => $client->id]) : false;
        if ($enabled !== false && !$enabled) {
            throw new refusal(refusal::OFF, 'fault_paused');
        }
        if ($enabled) {
            // What waits for a server that was away need wait no longer.
            sender::is_up((int) $client->id);
        }
    }
}
