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

/**
 * Shows the way over to the users: Moodle's block Network servers, or an entry of the user menu where there is no such block.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class shown extends step {
    /** @var string The entry of the user menu. */
    const ENTRY = 'networkservers,local_schooltool|/local/schooltool/servers.php';

    /**
     * Whether this Moodle has the block; it was taken out in 5.0.
     *
     * @return bool
     */
    private static function has_block(): bool {
        global $DB;
        return \core_component::get_plugin_directory('block', 'mnet_hosts') !== null
            && $DB->record_exists('block', ['name' => 'mnet_hosts', 'visible' => 1]);
    }

    /**
     * What it changes depends on which of the two this Moodle has.
     *
     * @return string
     */
    public function changes(): string {
        return get_string(self::has_block() ? 'shown_changes_block' : 'shown_changes_menu', 'local_schooltool');
    }

    /**
     * One of the two has to be there.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $DB;
        if (!auth::is_installed()) {
            return new state(state::NOTE, get_string('auth_first', 'local_schooltool'));
        }
        if (self::has_block() && $DB->record_exists('block_instances', ['blockname' => 'mnet_hosts'])) {
            return new state(state::DONE, get_string('shown_block', 'local_schooltool'));
        }
        if (in_array(self::ENTRY, self::entries(), true)) {
            return new state(state::DONE, get_string('shown_menu', 'local_schooltool'));
        }
        return new state(state::OPEN, get_string('shown_not', 'local_schooltool'));
    }

    /**
     * Adds the block to all pages of the site, or the entry to the menu.
     *
     * @param target $target
     */
    public function apply(target $target) {
        global $CFG, $DB;
        if (!self::has_block()) {
            $this->remember($target, ['menu' => true]);
            set_config('customusermenuitems', implode("\n", array_merge(self::entries(), [self::ENTRY])));
            return;
        }
        require_once($CFG->libdir . '/blocklib.php');
        $page = new \moodle_page();
        $page->set_context(\context_system::instance());
        // As Moodle adds its own blocks to every page when it is installed.
        $page->blocks->add_blocks([BLOCK_POS_LEFT => ['mnet_hosts']], '*', null, true, 5);
        $id = $DB->get_field_sql('SELECT MAX(id) FROM {block_instances} WHERE blockname = ?', ['mnet_hosts']);
        $this->remember($target, ['block' => (int) $id]);
    }

    /**
     * Takes that block away, or that entry.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        global $CFG, $DB;
        if (!empty($before['block'])) {
            require_once($CFG->libdir . '/blocklib.php');
            $instance = $DB->get_record('block_instances', ['id' => $before['block'], 'blockname' => 'mnet_hosts']);
            if ($instance) {
                blocks_delete_instance($instance);
            }
        }
        if (!empty($before['menu'])) {
            self::remove_entry();
        }
    }

    /**
     * Takes the entry out of the user menu.
     */
    public static function remove_entry() {
        $entries = self::entries();
        if (in_array(self::ENTRY, $entries, true)) {
            set_config('customusermenuitems', implode("\n", array_values(array_diff($entries, [self::ENTRY]))));
        }
    }

    /**
     * The user menu's entries, one a line.
     *
     * @return string[]
     */
    private static function entries(): array {
        global $CFG;
        $text = isset($CFG->customusermenuitems) ? $CFG->customusermenuitems : '';
        return array_values(array_filter(array_map('trim', preg_split('/\R/', $text)), 'strlen'));
    }
}
