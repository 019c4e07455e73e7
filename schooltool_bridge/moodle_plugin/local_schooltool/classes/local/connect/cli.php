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

namespace local_schooltool\local\connect;

use local_schooltool\local\sender;
use local_schooltool\local\words;

/**
 * Connect on the command line.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class cli {
    /**
     * Does what the options say.
     *
     * @param array $options of cli/connect.php
     * @param string $wwwroot empty when none was given, or a wrong one
     * @return int the exit status: 0 done, 1 not all of it, 2 wrongly called
     */
    public static function run(array $options, string $wwwroot): int {
        global $DB;
        if ($wwwroot === '' && (string) $options['wwwroot'] === '') {
            $hosts = $DB->get_fieldset_select('local_schooltool_peer', 'hostid', '1 = 1');
            $target = count($hosts) === 1 ? target::of_host((int) reset($hosts)) : null;
            if (!$target && $options['status'] && !$options['json'] && $hosts) {
                foreach ($hosts as $hostid) {
                    $one = target::of_host((int) $hostid);
                    cli_writeln("\n" . $one->wwwroot);
                    self::report($one, false, []);
                }
                return 0;
            }
            $target = $target ?: ($options['status'] ? new target('') : null);
        } else {
            $target = $wwwroot !== '' ? new target($wwwroot) : null;
        }
        if (!$target) {
            return self::wrong('cli_wwwroot');
        }
        $target->anytls = (bool) $options['any-tls'];
        if ($options['roles'] !== '') {
            $roles = array_flip($DB->get_records_menu('role', null, '', 'id, shortname'));
            $names = array_filter(array_map('trim', explode(',', $options['roles'])), 'strlen');
            $target->roles = array_map('intval', array_values(array_intersect_key($roles, array_flip($names))));
            if (count($target->roles) < count($names)) {
                return self::wrong('cli_roles', implode(', ', $names));
            }
        }
        if ($options['status']) {
            return self::report($target, $options['json'], []);
        }
        if ($options['undo']) {
            return self::undo($target, $options);
        }
        $results = self::connect($target, $options);
        if (is_int($results)) {
            return $results;
        }
        if ($options['send-everything'] && self::all_good($results)) {
            $results['everything'] = self::everything($target, $options['json']);
        }
        return self::report($target, $options['json'], $results);
    }

    /**
     * Looks at the server, has its fingerprint compared, and does the steps.
     *
     * @param target $target
     * @param array $options
     * @return array|int the results by step, or an exit status
     */
    private static function connect(target $target, array $options) {
        $problem = look::at($target);
        if ($problem !== '') {
            return self::failed($problem);
        }
        $fetched = address::fingerprint($target->certificate);
        $given = address::plain((string) $options['fingerprint']);
        if ($given !== '' && $given !== $fetched) {
            return self::failed(get_string('cli_otherfingerprint', 'local_schooltool', address::grouped($fetched)));
        }
        if ($given === '' && plan::steps()['peer']->state($target)->status !== state::DONE) {
            if ($options['yes'] || $options['json']) {
                return self::wrong('cli_fingerprint', address::grouped($fetched));
            }
            cli_writeln($target->sitename . "\n  " . address::grouped($fetched));
            if (strtolower(cli_input(get_string('cli_same', 'local_schooltool'), '', ['y', 'n'])) !== 'y') {
                return 1;
            }
        }
        $target->compared = $fetched;
        $names = array_keys(plan::steps());
        $chosen = $options['steps'] === '' ? plan::by_default() : explode(',', $options['steps']);
        $without = $options['without'] === '' ? [] : explode(',', $options['without']);
        $unknown = array_diff(array_merge($chosen, $without), $names);
        if ($unknown) {
            return self::wrong('cli_steps', implode(', ', $unknown));
        }
        $results = plan::run($target, array_diff($chosen, $without));
        // What this Moodle cannot have, such as signing on without its plugin, is no failure of what was not asked for.
        foreach ($results as $name => $result) {
            $step = plan::steps()[$name];
            if (
                !$result['ok'] && $options['steps'] === '' && $step->may_be_left_out()
                    && $step->state($target)->status === state::BLOCKED
            ) {
                unset($results[$name]);
            }
        }
        return $results;
    }

    /**
     * Undoes all steps, or those that --steps names.
     *
     * @param target $target
     * @param array $options
     * @return int
     */
    private static function undo(target $target, array $options): int {
        $named = is_string($options['undo']) ? $options['undo'] : $options['steps'];
        $names = $named === '' ? plan::own_of($target) : explode(',', $named);
        if (!$options['yes'] && !$options['json']) {
            $question = get_string('undo_sure', 'local_schooltool', implode(', ', $names)) . ' (y/n)';
            if (strtolower(cli_input(html_to_text($question, 0), '', ['y', 'n'])) !== 'y') {
                return 1;
            }
        }
        $results = [];
        foreach (plan::undo($target, $names) as $name) {
            $results[$name] = ['ok' => true, 'message' => get_string('undo_done', 'local_schooltool')];
        }
        return self::report($target, $options['json'], $results);
    }

    /**
     * Sends everything, and says how far it is.
     *
     * @param target $target
     * @param bool $json
     * @return array
     */
    private static function everything(target $target, bool $json): array {
        transfer::begin($target->hostid());
        $status = transfer::watch($target->hostid(), 24 * 3600, function ($sent, $waiting) use ($json) {
            if (!$json) {
                cli_writeln(get_string('sendall_progress', 'local_schooltool', ['sent' => $sent, 'waiting' => $waiting]));
            }
        });
        if (!$status['waiting']) {
            return ['ok' => true, 'message' => get_string('sendall_done', 'local_schooltool')];
        }
        $left = get_string('sendall_left', 'local_schooltool', $status['waiting']);
        $why = (string) $status['last_error'] === '' ? '' : words::of([$status['last_error']]);
        return ['ok' => false, 'message' => trim("$left $why")];
    }

    /**
     * Says how each step stands, and what was done.
     *
     * @param target $target
     * @param bool $json
     * @param array[] $results
     * @return int
     */
    private static function report(target $target, bool $json, array $results): int {
        global $CFG;
        $steps = [];
        foreach (plan::steps() as $name => $step) {
            if ($target->wwwroot === '' && $step->of_one_server()) {
                continue;
            }
            $state = $step->state($target);
            $steps[] = [
                'name' => $name,
                'title' => $step->title(),
                'state' => $state->status,
                'detail' => self::plain($state->detail),
                'lines' => $state->lines,
                'undo' => !$step->only_looks() && $step->can_undo($target),
            ];
        }
        foreach ($results as $name => $result) {
            $results[$name]['message'] = self::plain($result['message']);
        }
        $row = $target->row();
        if ($json) {
            $host = $target->host();
            cli_writeln(json_encode([
                'wwwroot' => $target->wwwroot,
                'fingerprint' => $target->is_peer() ? address::fingerprint($host->public_key) : '',
                'our_wwwroot' => $CFG->wwwroot,
                'our_fingerprint' => address::fingerprint(key::certificate()),
                'steps' => $steps,
                'results' => (object) $results,
                'sending' => $row ? sender::status($target->hostid()) : null,
            ], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE));
        } else {
            $marks = [state::DONE => '[x]', state::OPEN => '[ ]', state::BLOCKED => '[!]', state::NOTE => '[i]'];
            foreach ($steps as $step) {
                cli_writeln($marks[$step['state']] . ' ' . $step['name'] . ': ' . $step['title'] . '. ' . $step['detail']
                    . ($step['undo'] ? ' (--undo=' . $step['name'] . ')' : ''));
                if ($step['lines'] !== '') {
                    cli_writeln(preg_replace('/^/m', '        ', rtrim($step['lines'])));
                }
            }
            foreach ($results as $name => $result) {
                if (!$result['ok'] || $name === 'everything') {
                    cli_writeln(($result['ok'] ? '' : $name . ': ') . $result['message']);
                }
            }
            cli_writeln(get_string('ouraddress', 'local_schooltool') . ': ' . $CFG->wwwroot);
            cli_writeln(get_string('ourfingerprint', 'local_schooltool') . ': '
                . address::grouped(address::fingerprint(key::certificate())));
        }
        return self::all_good($results) ? 0 : 1;
    }

    /**
     * Whether all that had to be done was done.
     *
     * @param array[] $results
     * @return bool
     */
    private static function all_good(array $results): bool {
        foreach ($results as $result) {
            if (!$result['ok']) {
                return false;
            }
        }
        return true;
    }

    /**
     * A sentence of a page as a line of text.
     *
     * @param string $html
     * @return string
     */
    private static function plain(string $html): string {
        return trim(preg_replace('/\s+/u', ' ', html_entity_decode(strip_tags($html), ENT_QUOTES, 'UTF-8')));
    }

    /**
     * Says why something went wrong.
     *
     * @param string $message
     * @return int
     */
    private static function failed(string $message): int {
        cli_problem(self::plain($message));
        return 1;
    }

    /**
     * Says how it was called wrongly.
     *
     * @param string $key
     * @param string $what
     * @return int
     */
    private static function wrong(string $key, string $what = ''): int {
        cli_problem(self::plain(get_string($key, 'local_schooltool', s($what))));
        return 2;
    }
}
