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
 * Registers SchoolTool among the types of sites that this Moodle knows, beside Moodle and Mahara.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class application extends step {
    /** @var string The type's name on the wire. */
    const NAME = 'schooltool';

    /**
     * The peer is of this type.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * There has to be a row of that name, and the icon that Moodle asks for by it.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        return self::id() && is_file(self::icon()) ? new state(state::DONE, get_string('application_there', 'local_schooltool'))
            : new state(state::OPEN, get_string('application_none', 'local_schooltool'));
    }

    /**
     * The type's number; 0 when it is not registered.
     *
     * @return int
     */
    public static function id(): int {
        global $DB;
        return (int) $DB->get_field('mnet_application', 'id', ['name' => self::NAME], IGNORE_MULTIPLE);
    }

    /**
     * The icon's place: Moodle's login page shows one of its own icons, named after the type; it looks here too.
     *
     * @return string
     */
    private static function icon(): string {
        global $CFG;
        return $CFG->dataroot . '/pix/i/' . self::NAME . '_host.svg';
    }

    /**
     * Registers it, with a Moodle's addresses, which every SchoolTool serves.
     *
     * @param target $target
     */
    public function apply(target $target) {
        global $DB;
        if (!self::id()) {
            $DB->insert_record('mnet_application', (object) [
                'name' => self::NAME,
                'display_name' => 'SchoolTool',
                'xmlrpc_server_url' => '/mnet/xmlrpc/server.php',
                'sso_land_url' => '/auth/mnet/land.php',
                'sso_jump_url' => '/auth/mnet/jump.php',
            ]);
        }
        check_dir_exists(dirname(self::icon()));
        copy(__DIR__ . '/../../../pix/schooltool_host.svg', self::icon());
        // Moodle keeps in mind that there was no such icon.
        theme_reset_all_caches();
        $this->remember($target, []);
    }

    /**
     * Not while a site is of this type.
     *
     * @param target $target
     * @return bool
     */
    public function can_undo(target $target): bool {
        return parent::can_undo($target) && !self::is_used();
    }

    /**
     * The servers of this type have to go first.
     *
     * @param target $target
     * @return string
     */
    public function waits_for(target $target): string {
        return parent::can_undo($target) && self::is_used() ? (new peer())->title() : '';
    }

    /**
     * Whether a site is of this type.
     *
     * @return bool
     */
    private static function is_used(): bool {
        global $DB;
        return $DB->record_exists('mnet_host', ['applicationid' => self::id(), 'deleted' => 0]);
    }

    /**
     * Takes it away. Sites that are marked as deleted become plain Moodles, so that nothing points nowhere.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        self::remove();
    }

    /**
     * Takes the type away.
     */
    public static function remove() {
        global $DB;
        if (is_file(self::icon())) {
            unlink(self::icon());
        }
        $id = self::id();
        if ($id) {
            $moodle = $DB->get_field('mnet_application', 'id', ['name' => 'moodle'], IGNORE_MULTIPLE);
            $DB->set_field('mnet_host', 'applicationid', $moodle, ['applicationid' => $id]);
            $DB->delete_records('mnet_application', ['name' => self::NAME]);
        }
    }
}
