<?php
// A small Moodle: its tables as far as the plugin reads them, and ways to fill them.

class school {
    const TABLES = [
        'user' => "username, firstname, lastname, email DEFAULT '', idnumber DEFAULT '', password DEFAULT 'not cached',
            auth DEFAULT 'manual', confirmed INT DEFAULT 1, deleted INT DEFAULT 0, suspended INT DEFAULT 0,
            mnethostid INT DEFAULT 1, timecreated INT DEFAULT 1000, timemodified INT DEFAULT 1000",
        'course_categories' => 'path',
        'course' => "category INT DEFAULT 1, idnumber DEFAULT '', shortname, fullname,
            startdate INT DEFAULT 0, enddate INT DEFAULT 0,
            timecreated INT DEFAULT 1000, timemodified INT DEFAULT 1000",
        'context' => 'contextlevel INT, instanceid INT, path',
        'role' => 'archetype, sortorder INT',
        'role_assignments' => 'roleid INT, contextid INT, userid INT, timemodified INT DEFAULT 1000',
        'enrol' => 'courseid INT, status INT DEFAULT 0, timemodified INT DEFAULT 1000',
        'user_enrolments' => 'enrolid INT, userid INT, status INT DEFAULT 0, timestart INT DEFAULT 0,
            timeend INT DEFAULT 0, timecreated INT DEFAULT 1000, timemodified INT DEFAULT 1000',
        'grade_categories' => 'courseid INT, aggregation INT',
        'grade_items' => "courseid INT, categoryid INT DEFAULT 1, itemname, itemtype DEFAULT 'mod',
            itemmodule DEFAULT 'forum', iteminstance INT DEFAULT 1, itemnumber INT DEFAULT 0, idnumber,
            gradetype INT DEFAULT 1, grademax REAL DEFAULT 100, grademin REAL DEFAULT 0, outcomeid INT,
            multfactor REAL DEFAULT 1, plusfactor REAL DEFAULT 0, aggregationcoef REAL DEFAULT 0,
            hidden INT DEFAULT 0, timecreated INT DEFAULT 1000, timemodified INT DEFAULT 1000",
        'grade_grades' => 'itemid INT, userid INT, finalgrade REAL, excluded INT DEFAULT 0, hidden INT DEFAULT 0,
            overridden INT DEFAULT 0, timemodified INT',
        'grade_grades_history' => 'action INT DEFAULT 2, source, oldid INT, itemid INT, userid INT, timemodified INT, finalgrade REAL, excluded INT DEFAULT 0, hidden INT DEFAULT 0',
        'grade_items_history' => "action INT DEFAULT 2, source, oldid INT, itemtype DEFAULT 'mod', timemodified INT, courseid INT, categoryid INT, itemname, idnumber, gradetype INT,
            grademin REAL, grademax REAL, aggregationcoef REAL DEFAULT 0, hidden INT DEFAULT 0",
        'quiz' => 'course INT DEFAULT 2, sumgrades REAL, grade REAL',
        'quiz_attempts' => "quiz INT, userid INT, attempt INT, sumgrades REAL, state DEFAULT 'finished',
            preview INT DEFAULT 0, timemodified INT",
        'assign' => 'course INT DEFAULT 2, grade REAL, markingworkflow INT DEFAULT 0, blindmarking INT DEFAULT 0, revealidentities INT DEFAULT 0',
        'assign_grades' => 'assignment INT, userid INT, attemptnumber INT, grade REAL, timemodified INT',
    ];

    /** Make the tables, the front page, one category and the roles teacher 1, editingteacher 2, student 3. */
    public static function begin(): void {
        global $DB;
        foreach (self::TABLES as $table => $columns) {
            $DB->run("CREATE TABLE {{$table}} (id INTEGER PRIMARY KEY, $columns)");
        }
        self::plugin_tables();
        $DB->insert_record('course_categories', ['path' => '/1']);
        $DB->insert_record('context', ['contextlevel' => CONTEXT_SYSTEM, 'instanceid' => 0, 'path' => '/1']);
        $DB->insert_record('context', ['contextlevel' => CONTEXT_COURSECAT, 'instanceid' => 1, 'path' => '/1/2']);
        self::course('The front page');
        self::user('guest');
        foreach (['teacher', 'editingteacher', 'student', 'manager', ''] as $sortorder => $archetype) {
            $DB->insert_record('role', ['archetype' => $archetype, 'sortorder' => $sortorder]);
        }
        $DB->insert_record('grade_categories', ['courseid' => 2, 'aggregation' => 13]);
    }

    /** Make the plugin's own tables, as it says itself. */
    public static function plugin_tables(): void {
        global $DB;
        $file = simplexml_load_file(PLUGINS . '/local_schooltool/db/install.xml');
        foreach ($file->TABLES->TABLE as $table) {
            $columns = ['id INTEGER PRIMARY KEY'];
            foreach ($table->FIELDS->FIELD as $field) {
                $kind = (string) $field['TYPE'] === 'int' ? 'INT' : 'TEXT';
                $default = isset($field['DEFAULT']) ? " DEFAULT '{$field['DEFAULT']}'" : '';
                $must = (string) $field['NOTNULL'] === 'true' ? ' NOT NULL' : '';
                $columns[$field['NAME'] == 'id' ? 0 : count($columns)] = $field['NAME'] == 'id' ? $columns[0]
                    : "{$field['NAME']} $kind$default$must";
            }
            $DB->run("CREATE TABLE {{$table['NAME']}} (" . implode(', ', $columns) . ')');
        }
    }

    public static function user(string $name, array $more = []): int {
        global $DB;
        return $DB->insert_record('user', $more + ['username' => $name, 'firstname' => ucfirst($name), 'lastname' => 'X']);
    }

    public static function course(string $name, array $more = []): int {
        global $DB;
        $id = $DB->insert_record('course', $more + ['shortname' => $name, 'fullname' => $name]);
        $context = $DB->insert_record('context', ['contextlevel' => CONTEXT_COURSE, 'instanceid' => $id, 'path' => '']);
        $DB->set_field('context', 'path', "/1/2/$context", ['id' => $context]);
        return $id;
    }

    public static function role(int $userid, int $role, int $courseid, array $more = []): int {
        global $DB;
        $context = $DB->get_field('context', 'id', ['contextlevel' => CONTEXT_COURSE, 'instanceid' => $courseid]);
        return $DB->insert_record('role_assignments', $more + ['userid' => $userid, 'roleid' => $role, 'contextid' => $context]);
    }

    public static function enrol(int $userid, int $courseid, array $more = [], array $way = []): int {
        global $DB;
        $enrol = $DB->insert_record('enrol', $way + ['courseid' => $courseid]);
        return $DB->insert_record('user_enrolments', $more + ['userid' => $userid, 'enrolid' => $enrol]);
    }

    public static function student(int $userid, int $courseid, array $more = []): void {
        self::enrol($userid, $courseid, $more);
        self::role($userid, 3, $courseid);
    }

    public static function item(int $courseid, string $name, array $more = []): int {
        global $DB;
        return $DB->insert_record('grade_items', $more + ['courseid' => $courseid, 'itemname' => $name]);
    }

    public static function grade(int $itemid, int $userid, $points, array $more = []): int {
        global $DB;
        $row = $more + ['itemid' => $itemid, 'userid' => $userid, 'finalgrade' => $points, 'timemodified' => 2000];
        return $DB->insert_record('grade_grades', $row);
    }
}
