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

namespace local_schooltool\form;

use local_schooltool\local\connect\address;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/formslib.php');

/**
 * Asks for a server's address.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class look_form extends \moodleform {
    /**
     * The fields.
     */
    protected function definition() {
        $form = $this->_form;
        $form->addElement('text', 'wwwroot', get_string('address', 'local_schooltool'), ['size' => 50, 'maxlength' => 255]);
        $form->setType('wwwroot', PARAM_RAW_TRIMMED);
        $form->addRule('wwwroot', null, 'required', null, 'client');
        $form->addHelpButton('wwwroot', 'address', 'local_schooltool');
        $form->addElement('advcheckbox', 'anytls', '', get_string('anytls', 'local_schooltool'));
        $form->addElement('submit', 'look', get_string('look', 'local_schooltool'));
    }

    /**
     * An address has to be one.
     *
     * @param array $data
     * @param array $files
     * @return array
     */
    public function validation($data, $files) {
        return address::normalised($data['wwwroot']) === '' ? ['wwwroot' => get_string('address_wrong', 'local_schooltool')] : [];
    }
}
